// Changes JSON as JSON, where a change of bytes would seldom leave any: gives a member to an
// object, takes one away, or puts another value, or a part of another input, in a value's place.
// Linked into the targets that read objects; the names and values are those that rules and
// rendering know.
#include <cstddef>
#include <cstring>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "codec/json.h"
#include "fuzzing.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using stockade::codec::Json;
using Random = std::minstd_rand;

constexpr std::string_view kValues =
    R"(null true false 0 1 -1 65536 "" "ALL" "/" "1Gi" "Always" "agent" "stockade-tmp" [] {})";

constexpr std::string_view kKeys =
    "access activeDeadlineSeconds add affinity allowPrivilegeEscalation annotations "
    "appArmorProfile args automountServiceAccountToken capabilities claimName command "
    "configMap configMapKeyRef configMapRef containerName containerPort containers csi "
    "defaultMode devicePath dnsConfig dnsPolicy downwardAPI drop effect emptyDir "
    "enableServiceLinks env envFrom ephemeral ephemeralContainers exec fieldPath fieldRef "
    "fileKeyRef from fsGroup grpc gmsaCredentialSpec host hostAliases hostIP hostIPC "
    "hostNetwork hostPID hostPath hostPort hostProcess hostUsers hostname httpGet "
    "httpHeaders image imagePullPolicy imagePullSecrets ingress initContainers isolation "
    "items key labels lifecycle limits livenessProbe matchLabels medium metadata "
    "mountPath mountPropagation mounts name nodeName nodeSelector nodeSelectorTerms "
    "operator os overhead path persistentVolumeClaim podSelector port ports postStart "
    "preStop prefix priorityClassName privileged procMount projected readOnly "
    "readOnlyRootFilesystem readinessProbe requests resources restartPolicy runAsGroup "
    "runAsNonRoot runAsUser seLinuxOptions seccompProfile secretKeyRef securityContext "
    "serviceAccountName shareProcessNamespace sizeLimit sources storage subPath "
    "supplementalGroups sysctls terminationMessagePath tolerations type value valueFrom "
    "volumeDevices volumeMounts";

// One of the words of a list.
std::string_view AnyWord(std::string_view list, Random& random) {
  const auto words = stockade::Split(list, ' ');
  return words[random() % words.size()];
}

std::size_t Below(Random& random, std::size_t limit) { return random() % limit; }

void CollectValues(Json& value, std::vector<Json*>& values) {
  values.push_back(&value);
  if (value.is_structured()) {
    for (Json& member : value) CollectValues(member, values);
  }
}

Json& AnyValue(Json& root, Random& random) {
  std::vector<Json*> values;
  CollectValues(root, values);
  return *values[Below(random, values.size())];
}

void MutateString(Json& value, Random& random) {
  std::string text = value.get<std::string>();
  const std::size_t size = text.size();
  text.resize(size + 1 + Below(random, 16));
  text.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), size, text.size()));
  value = std::move(text);
}

Json NewValue(Json& root, Random& random) {
  // One of the document's own is likely to be of a kind that fits somewhere else.
  if (Below(random, 2) == 0) return AnyValue(root, random);
  return Json::parse(AnyWord(kValues, random));
}

void Mutate(Json& root, Random& random) {
  Json value = NewValue(root, random);
  Json& target = AnyValue(root, random);
  if (target.is_object() && Below(random, 4) != 0) {
    if (!target.empty() && Below(random, 3) == 0) {
      target.erase(
          std::next(target.begin(), static_cast<std::ptrdiff_t>(Below(random, target.size()))));
    } else {
      target[std::string(AnyWord(kKeys, random))] = std::move(value);
    }
  } else if (target.is_array() && Below(random, 4) != 0) {
    if (!target.empty() && Below(random, 3) == 0) {
      target.erase(Below(random, target.size()));
    } else {
      target.push_back(std::move(value));
    }
  } else if (target.is_string() && Below(random, 2) == 0) {
    MutateString(target, random);
  } else {
    target = std::move(value);
  }
}

Json Parse(const std::uint8_t* data, std::size_t size) {
  return Json::parse(data, data + size, nullptr, /*allow_exceptions=*/false);
}

std::size_t Write(const Json& root, std::uint8_t* data, std::size_t max_size) {
  const std::string text = root.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > max_size) return 0;
  std::memcpy(data, text.data(), text.size());
  return text.size();
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  Random random(seed);
  Json root = Parse(data, size);
  // Now and then the parser itself is put to the test.
  if (root.is_discarded() || Below(random, 20) == 0) return LLVMFuzzerMutate(data, size, max_size);
  for (std::size_t changes = 1 + Below(random, 3); changes > 0; --changes) Mutate(root, random);
  const std::size_t written = Write(root, data, max_size);
  return written > 0 ? written : LLVMFuzzerMutate(data, size, max_size);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* first, std::size_t first_size,
                                                 const std::uint8_t* second,
                                                 std::size_t second_size, std::uint8_t* out,
                                                 std::size_t max_size, unsigned int seed) {
  Random random(seed);
  Json root = Parse(first, first_size);
  Json donor = Parse(second, second_size);
  if (root.is_discarded() || donor.is_discarded()) return 0;
  const Json part = AnyValue(donor, random);
  AnyValue(root, random) = part;
  return Write(root, out, max_size);
}
