// A collector with a real authority and a real gRPC server on loopback, that
// fails on request.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/spool/model_collector.h"
#include "collector/fleet/authority.h"
#include "proto/seal/keys.h"
#include "proto/uplink.grpc.pb.h"

namespace schoolgate::tests {

// How the next streams are treated.
enum class Conduct {
  kGood,
  kDieBeforeAck,  // commit a batch, then cut the stream without a word
  kBlackHole,     // greet, then neither read nor answer
  kRefuseBanned,  // "banned" in place of a greeting
};

// All public calls are thread-safe.
class TestCollector : public v1::Uplink::Service {
 public:
  // `folder` is for the authority's files.
  TestCollector(const std::string& folder, absl::Time certificates_from);
  ~TestCollector() override;

  // Listens; on the same port again after Stop.
  void Start();
  void Stop();

  std::string address() const;
  std::string authority_pem() const {
    return authority_->certificates_pem() +
           (old_authority_ ? old_authority_->certificates_pem() : "");
  }
  std::string fingerprint() const { return authority_->fingerprint(); }
  std::string rules_root() const { return "root of rules"; }

  void SetConduct(Conduct conduct) { conduct_ = conduct; }
  // Of the certificate that enrolment buys; renewed ones live as they should.
  void SetFirstLifetime(absl::Duration life) { first_lifetime_ = life; }
  // Between Stop and Start. First a new authority signs devices, while the
  // server still shows the old one's certificate; then the old one goes.
  void BeginRotation(const std::string& folder);
  void EndRotation();
  void OfferBundle(const std::string& bytes, uint64_t version);
  // Cuts FetchBundle streams after this many bytes, once.
  void CutFetchAfter(size_t bytes) { cut_fetch_after_ = bytes; }

  size_t events() const;
  uint64_t repeats() const;
  std::string fault() const;  // the first batch that was not right
  int streams() const { return streams_; }
  int enrolments() const { return enrolments_; }
  int renewals() const { return renewals_; }
  v1::Hello last_hello() const;
  std::vector<uint64_t> fetch_offsets() const;

  // False when it did not come true within a generous time.
  bool WaitFor(const std::function<bool()>& condition);

  grpc::Status Enrol(grpc::ServerContext*, const v1::EnrolRequest* request,
                     v1::EnrolResponse* response) override;
  grpc::Status Renew(grpc::ServerContext*, const v1::RenewRequest* request,
                     v1::EnrolResponse* response) override;
  grpc::Status Connect(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::ToDevice, v1::FromDevice>* stream) override;
  grpc::Status FetchBundle(
      grpc::ServerContext*, const v1::FetchBundleRequest* request,
      grpc::ServerWriter<v1::BundleChunk>* writer) override;

 private:
  grpc::Status Certify(const std::string& csr, v1::EnrolResponse* response);
  bool Take(const v1::Batch& batch, uint64_t* durable);
  void Changed();

  void MakeServerCertificate(absl::Time from);

  std::unique_ptr<collector::Authority> authority_;
  std::unique_ptr<collector::Authority> old_authority_;  // in rotation
  collector::Certificate certificate_;
  seal::BoxKey sealing_key_ = seal::BoxKey::Generate();
  seal::BoxKey school_key_ = seal::BoxKey::Generate();
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;

  std::atomic<Conduct> conduct_{Conduct::kGood};
  std::atomic<absl::Duration> first_lifetime_{
      collector::Authority::kDeviceLifetime};
  std::atomic<size_t> cut_fetch_after_{0};
  std::atomic<int> streams_{0};
  std::atomic<int> enrolments_{0};
  std::atomic<int> renewals_{0};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string device_key_;                        // guarded by mutex_
  std::unique_ptr<agent::ModelCollector> model_;  // guarded by mutex_
  std::string fault_;                             // guarded by mutex_
  v1::Hello hello_;                               // guarded by mutex_
  std::string bundle_;                            // guarded by mutex_
  v1::BundleOffer offer_;                         // guarded by mutex_
  std::vector<uint64_t> fetch_offsets_;           // guarded by mutex_
};

}  // namespace schoolgate::tests
