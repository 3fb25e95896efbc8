#include "platform/local_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace schoolgate::platform {
namespace {

class QuestionSocketTest : public testing::Test {
 protected:
  QuestionSocketTest()
      : path_("/tmp/schoolgate-socket-test-" + std::to_string(getpid())) {
    auto socket = ListenForQuestions(path_);
    EXPECT_TRUE(socket.ok()) << socket.status();
    socket_ = std::move(*socket);
    thread_ = std::thread([this] {
      while (!stop_) {
        socket_->Serve([](uint32_t uid, std::string_view question) {
          return std::to_string(uid) + ":" + std::string(question);
        });
        usleep(1000);
      }
    });
  }
  ~QuestionSocketTest() override {
    stop_ = true;
    thread_.join();
    unlink((path_ + ".lock").c_str());
  }

  const std::string path_;
  std::unique_ptr<QuestionSocket> socket_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// Otherwise one pupil could ask about, or report for, another.
TEST_F(QuestionSocketTest, TheAnswererLearnsFromTheKernelWhoAsks) {
  EXPECT_EQ(*AskLocal(path_, "why"), std::to_string(getuid()) + ":why");
}

TEST_F(QuestionSocketTest, CallersThatSayNothingKeepNobodyElseWaiting) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
  std::vector<int> silent;
  for (int i = 0; i < 40; ++i) {
    silent.push_back(socket(AF_UNIX, SOCK_SEQPACKET, 0));
    ASSERT_EQ(connect(silent.back(), reinterpret_cast<sockaddr*>(&address),
                      sizeof(address)),
              0);
  }
  EXPECT_TRUE(AskLocal(path_, "why").ok());
  for (int descriptor : silent) close(descriptor);
}

TEST_F(QuestionSocketTest, AnOversizedQuestionIsNotAnswered) {
  EXPECT_FALSE(AskLocal(path_, std::string(kMaxQuestionBytes + 1, 'x')).ok());
}

// Otherwise two agents would fight over one machine.
TEST_F(QuestionSocketTest, ASecondListenerIsRefusedWhileTheFirstLives) {
  EXPECT_EQ(ListenForQuestions(path_).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(AskLocal(path_, "why").ok()) << "the first is deaf now";
}

// The first may have taken the place and not answer yet.
TEST(ListenForQuestionsTest, OfTwoThatStartAtOnceOneIsRefused) {
  const std::string path = "/tmp/schoolgate-two-" + std::to_string(getpid());
  std::atomic<int> listening = 0, refused = 0;
  std::vector<std::thread> threads;
  std::vector<std::unique_ptr<QuestionSocket>> sockets(8);
  threads.reserve(sockets.size());
  for (auto& socket : sockets) {
    threads.emplace_back([&] {
      auto mine = ListenForQuestions(path);
      (mine.ok() ? listening : refused) += 1;
      if (mine.ok()) socket = *std::move(mine);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(listening, 1);
  EXPECT_EQ(refused, 7);
  sockets.clear();
  EXPECT_TRUE(ListenForQuestions(path).ok()) << "its end frees the place";
  unlink((path + ".lock").c_str());
}

TEST(AskLocalTest, SaysSoWhenNobodyListens) {
  EXPECT_EQ(AskLocal("/tmp/schoolgate-nobody", "why").status().code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace schoolgate::platform
