// An AdmissionReview as it comes over the network. Whatever is decoded gets an answer that is JSON,
// for the same request, with a reason when it is a refusal.
#include <string>

#include "codec/json.h"
#include "fuzzing.h"
#include "webhook/admission_review.h"
#include "webhook/agent_sandbox_handler.h"

namespace codec = stockade::codec;
namespace webhook = stockade::webhook;
using stockade::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const webhook::AgentSandboxHandler handler{stockade::policy::Facts()};
  const auto document = codec::JsonDocument::Parse(stockade::fuzz::TextOf(data, size));
  if (!document.ok()) return 0;
  const auto request = webhook::DecodeAdmissionReview(document->root());
  if (!request.ok()) {
    Require(!request.status().message().empty(), "an error says what is wrong");
    return 0;
  }
  const webhook::AdmissionResponse response = handler.Review(*request);
  const std::string answer = webhook::EncodeAdmissionReview(request->uid, response);
  const auto decoded = codec::JsonDocument::Parse(answer);
  Require(decoded.ok(), "the answer is JSON", answer);
  const codec::JsonView body = decoded->root()["response"];
  Require(body["uid"].AsString() == request->uid, "the answer is for the request", answer);
  Require(body["allowed"].AsBool() == response.allowed, "the answer says what was judged", answer);
  Require(response.allowed || !body["status"]["message"].StringOrEmpty().empty(),
          "a refusal says why", answer);
  body["warnings"].ForEachElement([&answer](std::size_t, codec::JsonView warning) {
    for (const char c : warning.StringOrEmpty()) {
      Require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "a warning fits into a header",
              answer);
    }
  });
  return 0;
}
