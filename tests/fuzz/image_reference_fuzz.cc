// An image reference. Its parts put together must be the text again, and the pull policy that
// rendering derives by itself must agree with them.
#include <string>

#include "fuzzing.h"
#include "policy/image_reference.h"
#include "render/defaults.h"

using stockade::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = stockade::fuzz::TextOf(data, size);
  const std::string_view pull_policy = stockade::render::DefaultPullPolicy(text);
  const auto reference = stockade::policy::ParseImageReference(text);
  if (!reference) return 0;
  Require(!reference->repository.empty(), "an image has a repository");
  std::string whole;
  if (!reference->registry.empty()) whole = std::string(reference->registry) + "/";
  whole += reference->repository;
  Require(whole.size() <= 255, "a name has at most 255 bytes", whole);
  if (!reference->tag.empty()) whole += ":" + std::string(reference->tag);
  if (!reference->digest.empty()) whole += "@" + std::string(reference->digest);
  Require(whole == text, "the parts are the whole", whole);
  const bool latest =
      reference->tag == "latest" || (reference->tag.empty() && reference->digest.empty());
  Require(pull_policy == (latest ? "Always" : "IfNotPresent"), "the pull policy follows the tag",
          pull_policy);
  return 0;
}
