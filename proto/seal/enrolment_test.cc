// What would go wrong for a user: somebody alters an enrolment on its way, or
// renews a certificate in another device's name.
#include "proto/seal/enrolment.h"

#include <gtest/gtest.h>

namespace schoolgate::seal {
namespace {

TEST(EnrolmentTest, EveryFieldOfARequestIsCovered) {
  v1::EnrolRequest request;
  request.set_token("token");
  request.set_csr_pem("csr");
  request.set_hostname("laptop");
  request.set_hardware_id("hardware");
  request.set_inventory_number("7");
  request.set_agent_version("1");
  SignEnrol(SigningKey::Generate(), &request);
  EXPECT_TRUE(VerifyEnrol(request));
  const auto* fields = v1::EnrolRequest::descriptor();
  for (int i = 0; i < fields->field_count(); ++i) {
    v1::EnrolRequest changed = request;
    changed.GetReflection()->SetString(&changed, fields->field(i), "changed");
    EXPECT_FALSE(VerifyEnrol(changed)) << fields->field(i)->name();
  }
}

TEST(EnrolmentTest, MovingBytesBetweenFieldsIsSeen) {
  v1::EnrolRequest request;
  request.set_token("ab");
  request.set_csr_pem("c");
  SignEnrol(SigningKey::Generate(), &request);
  request.set_token("a");
  request.set_csr_pem("bc");
  EXPECT_FALSE(VerifyEnrol(request));
}

TEST(EnrolmentTest, OnlyTheDevicesOwnKeyRenews) {
  const SigningKey key = SigningKey::Generate();
  v1::RenewRequest request;
  request.set_device("D-4KQ7X2M9");
  request.set_time_unix_us(5);
  SignRenew(key, &request);
  EXPECT_TRUE(VerifyRenew(request, key.public_key()));
  EXPECT_FALSE(VerifyRenew(request, SigningKey::Generate().public_key()));
  request.set_time_unix_us(6);
  EXPECT_FALSE(VerifyRenew(request, key.public_key()));
}

// A token that leaked from one laptop must not take the others out of use.
TEST(EnrolmentTest, ARemovalTokenFitsOneDeviceForItsTime) {
  const SigningKey key = SigningKey::Generate();
  const std::string token = MakeRemovalToken(key, "D-4KQ7X2M9", 1000);
  EXPECT_TRUE(VerifyRemovalToken(token, key.public_key(), "D-4KQ7X2M9", 999));
  EXPECT_FALSE(VerifyRemovalToken(token, key.public_key(), "D-4KQ7X2M9", 1000));
  EXPECT_FALSE(VerifyRemovalToken(token, key.public_key(), "D-OTHER", 999));
  EXPECT_FALSE(VerifyRemovalToken(token, SigningKey::Generate().public_key(),
                                  "D-4KQ7X2M9", 999));
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == '1' ? '2' : '1';
    EXPECT_FALSE(
        VerifyRemovalToken(changed, key.public_key(), "D-4KQ7X2M9", 999))
        << i;
  }
  for (const char* bad : {"", ".", "SGR1.", "SGR1.D-4KQ7X2M9.5."}) {
    EXPECT_FALSE(VerifyRemovalToken(bad, key.public_key(), "D-4KQ7X2M9", 1));
  }
}

TEST(EnrolmentTest, OnlyTheDevicesOwnKeyTakesItOutOfUse) {
  const SigningKey key = SigningKey::Generate();
  v1::DecommissionRequest request;
  request.set_device("D-4KQ7X2M9");
  request.set_token("token");
  SignDecommission(key, &request);
  EXPECT_TRUE(VerifyDecommission(request, key.public_key()));
  EXPECT_FALSE(
      VerifyDecommission(request, SigningKey::Generate().public_key()));
  request.set_final(true);  // "may I" must not be turned into "do it"
  EXPECT_FALSE(VerifyDecommission(request, key.public_key()));
}

// A receipt that anybody could write proves nothing.
TEST(EnrolmentTest, AReceiptIsTheCollectorsAndOfThatDevice) {
  const SigningKey key = SigningKey::Generate();
  v1::DecommissionReceipt receipt;
  receipt.set_device("D-4KQ7X2M9");
  receipt.set_school("oak");
  receipt.set_server_time_unix_us(1);
  SignReceipt(key, &receipt);
  EXPECT_TRUE(VerifyReceipt(receipt, key.public_key()));
  EXPECT_FALSE(VerifyReceipt(receipt, SigningKey::Generate().public_key()));
  receipt.set_final(true);  // "it may" is not "it was"
  EXPECT_FALSE(VerifyReceipt(receipt, key.public_key()));
  SignReceipt(key, &receipt);
  receipt.set_device("D-4KQ7X2M8");
  EXPECT_FALSE(VerifyReceipt(receipt, key.public_key()));
}

}  // namespace
}  // namespace schoolgate::seal
