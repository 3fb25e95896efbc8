// Who becomes a device and who stays one: leaked tokens, laptops that come out
// of a drawer, machines that were made anew.
#include "collector/fleet/enrolment.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "collector/fleet/authority_change.h"
#include "collector/fleet/refusal.h"
#include "collector/fleet/token.h"
#include "collector/store/begun_log_test.h"
#include "collector/store/scratch_test.h"
#include "proto/seal/enrolment.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

class EnrolmentTest : public testing::Test {
 protected:
  EnrolmentTest()
      : authority_(
            Authority::Create(scratch_.path(), "Test authority", now_).value()),
        devices_(OpenSqliteDeviceStore(scratch_.File("main.sqlite")).value()),
        audit_(BegunAuditLog(scratch_.File("audit.sqlite"))),
        enrolment_(*authority_, *devices_, *audit_,
                   {.schools = {{"oak", {}}},
                    .sealing_key = std::string(32, 's'),
                    .rules_root = ""},
                   removal_) {
    PutToken(/*withdrawn=*/false);
  }

  void PutToken(bool withdrawn) {
    ASSERT_TRUE(devices_
                    ->PutToken({.id = text_.id,
                                .secret_hash = HashOfSecret(text_.secret),
                                .school = "oak",
                                .group = "pupils",
                                .uses_left = 3,
                                .expires = now_ + 14 * kDay,
                                .withdrawn = withdrawn})
                    .ok());
  }

  absl::StatusOr<v1::EnrolResponse> Enrol(const seal::SigningKey& key) {
    v1::EnrolRequest request;
    request.set_token(Join(text_));
    request.set_csr_pem(MakeCertificateRequest()->csr_pem);
    request.set_hostname("laptop");
    request.set_hardware_id("hardware");
    request.set_inventory_number("OAK-17");
    seal::SignEnrol(key, &request);
    return enrolment_.Enrol(request, now_);
  }

  absl::Status Renew(const seal::SigningKey& key, const std::string& device,
                     absl::Time now) {
    v1::RenewRequest request;
    request.set_device(device);
    request.set_csr_pem(MakeCertificateRequest()->csr_pem);
    request.set_time_unix_us(absl::ToUnixMicros(now));
    request.set_nonce(seal::RandomBytes(16));
    seal::SignRenew(key, &request);
    return enrolment_.Renew(request, now).status();
  }

  seal::SigningKey Key(const std::string& name) {
    return seal::LoadOrCreateSigningKey(scratch_.File(name)).value();
  }

  const absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  const TokenText text_ = MakeToken();
  Scratch scratch_;
  std::unique_ptr<Authority> authority_;
  std::unique_ptr<DeviceStore> devices_;
  std::unique_ptr<AuditLog> audit_;
  const seal::SigningKey removal_ = seal::SigningKey::Generate();
  Enrolment enrolment_;
};

// Otherwise whoever sells a laptop has nothing to show that the school let it
// go, or any laptop's token would let any other go.
TEST_F(EnrolmentTest, ADeviceThatGoesGetsAReceiptAndOnlyWithItsOwnToken) {
  const seal::SigningKey key = Key("laptop"), other = Key("other");
  const std::string device = Enrol(key)->device();
  const std::string others = Enrol(other)->device();
  const auto ask = [&](const std::string& of, bool final) {
    v1::DecommissionRequest request;
    request.set_device(device);
    request.set_token(seal::MakeRemovalToken(
        removal_, of, absl::ToUnixSeconds(now_ + 7 * kDay)));
    request.set_final(final);
    request.set_time_unix_us(absl::ToUnixMicros(now_));
    request.set_nonce(seal::RandomBytes(16));
    seal::SignDecommission(key, &request);
    return enrolment_.Decommission(request, now_);
  };
  EXPECT_FALSE(ask(others, true).ok()) << "another device's token";
  ASSERT_TRUE(ask(device, false).ok());
  EXPECT_EQ(devices_->Get(device)->state, DeviceState::kActive)
      << "asking takes nothing out of use";
  const auto receipt = ask(device, true);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->device(), device);
  EXPECT_EQ(receipt->school(), "oak");
  EXPECT_TRUE(receipt->final());
  EXPECT_TRUE(seal::VerifyReceipt(*receipt, removal_.public_key()));
  EXPECT_EQ(devices_->Get(device)->state, DeviceState::kDecommissioned);
  EXPECT_TRUE(ask(device, true).ok()) << "a lost answer is asked for again";
  EXPECT_FALSE(Renew(key, device, now_).ok()) << "it is revoked";
}

// Otherwise a token that leaked would let strangers in until it expires.
TEST_F(EnrolmentTest, AWithdrawnTokenLetsNobodyInAndShutsNobodyOut) {
  const auto first = Enrol(Key("first"));
  ASSERT_TRUE(first.ok()) << first.status();
  PutToken(/*withdrawn=*/true);
  const auto stranger = Enrol(Key("stranger"));
  EXPECT_EQ(RefusalWord(stranger.status()), "token_withdrawn")
      << stranger.status();
  EXPECT_EQ(devices_->All("oak")->size(), 1u);
  EXPECT_TRUE(Renew(Key("first"), first->device(), now_ + kDay).ok());
}

// A summer in a drawer needs no visit; after more than a year with no contact
// somebody looks at the machine.
TEST_F(EnrolmentTest, ALaptopThatWasAwayRenewsFor400DaysAfterItsCertificate) {
  const auto enrolled = Enrol(Key("laptop"));
  ASSERT_TRUE(enrolled.ok()) << enrolled.status();
  const absl::Time ended = now_ + Authority::kDeviceLifetime;
  const absl::Status late =
      Renew(Key("laptop"), enrolled->device(), ended + 401 * kDay);
  EXPECT_FALSE(late.ok());
  EXPECT_TRUE(absl::StrContains(late.message(), "enrol it again")) << late;
  EXPECT_TRUE(
      Renew(Key("laptop"), enrolled->device(), ended + 399 * kDay).ok());
  EXPECT_FALSE(
      Renew(Key("stranger"), enrolled->device(), ended + 399 * kDay).ok())
      << "by another key";
}

// Otherwise what the old installation had sent would be mixed with the new
// one's, whose numbers start again.
TEST_F(EnrolmentTest, AMachineMadeAnewIsAnotherDeviceWithTheSameNumber) {
  const auto before = Enrol(Key("before"));
  const auto after = Enrol(Key("after"));
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_NE(before->device(), after->device());
  const auto all = devices_->All("oak");
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 2u);
  for (const Device& device : *all) {
    EXPECT_EQ(device.inventory_number, "OAK-17");
    EXPECT_EQ(device.state, DeviceState::kActive);
  }
}

TEST_F(EnrolmentTest, ADeviceFollowsAnAuthorityByRenewing) {
  const auto enrolled = Enrol(Key("laptop"));
  ASSERT_TRUE(enrolled.ok());
  const absl::Time begun = now_ + 10 * kDay;
  ASSERT_TRUE(BeginAuthorityChange(scratch_.path(), "Next", begun).ok());
  ASSERT_EQ(*AuthorityChangeBegun(scratch_.path()), begun);
  EXPECT_EQ(DevicesLeftBehind(*devices_->All(""), begun).size(), 1u);
  ASSERT_TRUE(Renew(Key("laptop"), enrolled->device(), begun + kDay).ok());
  EXPECT_EQ(DevicesLeftBehind(*devices_->All(""), begun).size(), 1u)
      << "the answer may have been lost";
  DeviceContact contact;
  contact.id = enrolled->device();
  contact.last_contact = begun + kDay + absl::Seconds(1);
  ASSERT_TRUE(devices_->RecordContacts({&contact, 1}).ok());
  EXPECT_TRUE(DevicesLeftBehind(*devices_->All(""), begun).empty());
}

}  // namespace
}  // namespace schoolgate::collector
