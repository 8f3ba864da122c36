// libs/kube against a real API server: the client over both transports, and the watcher.
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kube/client.h"
#include "kube/connection_config.h"
#include "kube/transport.h"
#include "kube/watcher.h"
#include "tests/source_dir.h"

namespace stockade::kube {
namespace {

using codec::Json;

constexpr Resource kConfigMaps{"", "v1", "configmaps", "ConfigMap"};
constexpr Resource kNamespaces{"", "v1", "namespaces", "Namespace", /*namespaced=*/false};

// A variable that hack/test integration sets. Without it the test fails: it would test nothing.
std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value != nullptr && *value != '\0') return value;
  ADD_FAILURE() << name << " is not set: run this test by hack/test integration";
  return {};
}

struct TransportKind {
  const char* name;
  std::unique_ptr<Transport> (*make)(std::shared_ptr<const ConnectionConfig> config,
                                     TransportOptions options);
};

// Gives each test a namespace of its own.
class KubeIntegrationTest : public ::testing::TestWithParam<TransportKind> {
 protected:
  static void SetUpTestSuite() { InitializeCppRestThreads(); }

  void SetUp() override { ASSERT_NO_FATAL_FAILURE(SetUpWith(GetParam())); }

  void SetUpWith(const TransportKind& kind) {
    const std::string kubeconfig = Environment("STOCKADE_TEST_KUBECONFIG");
    ASSERT_NE(kubeconfig, "");
    Result<ConnectionConfig> config = LoadConnectionConfig(kubeconfig, "");
    ASSERT_TRUE(config.ok()) << config.status().ToString();
    config_ = std::make_shared<const ConnectionConfig>(std::move(*config));
    client_ = std::make_unique<Client>(kind.make(config_, {}));
    std::random_device random;
    const std::string name = "kube-test-" + std::to_string(random()) + std::to_string(random());
    const auto created = client_->Create(kNamespaces, "", {{"metadata", {{"name", name}}}});
    ASSERT_TRUE(created.ok()) << created.status().ToString();
    namespace_ = name;
  }

  void TearDown() override {
    if (namespace_.empty()) return;
    const auto deleted = client_->Delete(kNamespaces, "", namespace_, {});
    EXPECT_TRUE(deleted.ok()) << deleted.status().ToString();
  }

  // Every ConfigMap of these tests has this label: the controller manager adds one of its own to
  // each namespace.
  static Json ConfigMap(const std::string& name, const std::string& value) {
    return {{"metadata", {{"name", name}, {"labels", {{"test", "yes"}}}}},
            {"data", {{"key", value}}}};
  }

  codec::Json MustCreate(const Resource& resource, const Json& object) {
    const auto created = client_->Create(resource, namespace_, object);
    EXPECT_TRUE(created.ok()) << created.status().ToString();
    return created.ok() ? created->root().ToJson() : Json();
  }

  std::string Value(const std::string& name) {
    const auto object = client_->Get(kConfigMaps, namespace_, name);
    if (!object.ok()) return object.status().ToString();
    return std::string(object->root()["data"]["key"].StringOrEmpty());
  }

  std::shared_ptr<const ConnectionConfig> config_;
  std::unique_ptr<Client> client_;
  std::string namespace_;  // set once it exists
};

TEST_P(KubeIntegrationTest, ReadsTheServersVersion) {
  const auto version = client_->GetRaw("/version");
  ASSERT_TRUE(version.ok()) << version.status().ToString();
  EXPECT_EQ(version->root()["major"].StringOrEmpty(), "1");
}

TEST_P(KubeIntegrationTest, CreatesReadsUpdatesAndDeletes) {
  Json object = MustCreate(kConfigMaps, ConfigMap("a", "one"));
  EXPECT_EQ(object["metadata"]["managedFields"][0]["manager"], "stockade");
  EXPECT_EQ(Value("a"), "one");

  object["data"]["key"] = "two";
  const auto updated = client_->Update(kConfigMaps, namespace_, "a", object);
  ASSERT_TRUE(updated.ok()) << updated.status().ToString();
  EXPECT_EQ(Value("a"), "two");
  EXPECT_NE(updated->root()["metadata"]["resourceVersion"].StringOrEmpty(),
            object["metadata"]["resourceVersion"].get<std::string>());

  const auto deleted = client_->Delete(kConfigMaps, namespace_, "a", {});
  ASSERT_TRUE(deleted.ok()) << deleted.status().ToString();
  const Status gone = client_->Get(kConfigMaps, namespace_, "a").status();
  EXPECT_EQ(gone.code(), StatusCode::kNotFound);
  EXPECT_EQ(gone.reason(), "NotFound");
  EXPECT_EQ(gone.message(), "configmaps \"a\" not found");
}

TEST_P(KubeIntegrationTest, TellsWhatIsRefused) {
  const Json object = MustCreate(kConfigMaps, ConfigMap("a", "one"));

  const Status exists = client_->Create(kConfigMaps, namespace_, ConfigMap("a", "x")).status();
  EXPECT_EQ(exists.code(), StatusCode::kAlreadyExists) << exists.ToString();

  Json changed = object;
  changed["data"]["key"] = "two";
  ASSERT_TRUE(client_->Update(kConfigMaps, namespace_, "a", changed).ok());
  const Status conflict = client_->Update(kConfigMaps, namespace_, "a", changed).status();
  EXPECT_EQ(conflict.code(), StatusCode::kConflict) << conflict.ToString();
  EXPECT_EQ(conflict.reason(), "Conflict");

  const Status absent = client_->Delete(kConfigMaps, namespace_, "b", {}).status();
  EXPECT_EQ(absent.code(), StatusCode::kNotFound) << absent.ToString();

  const Status invalid =
      client_->Create(kConfigMaps, namespace_, {{"metadata", {{"name", "No Name"}}}}).status();
  EXPECT_EQ(invalid.code(), StatusCode::kInvalid) << invalid.ToString();
  EXPECT_NE(invalid.message().find("metadata.name"), std::string::npos) << invalid.message();

  Json unknown = ConfigMap("c", "x");
  unknown["nonsense"] = 1;
  const Status strict = client_->Create(kConfigMaps, namespace_, unknown).status();
  EXPECT_EQ(strict.code(), StatusCode::kBadRequest) << strict.ToString();
  EXPECT_NE(strict.message().find("nonsense"), std::string::npos) << strict.message();

  const Status no_namespace = client_->Create(kConfigMaps, "absent", ConfigMap("a", "x")).status();
  EXPECT_EQ(no_namespace.code(), StatusCode::kNotFound) << no_namespace.ToString();
}

TEST_P(KubeIntegrationTest, DeletesUnderPreconditions) {
  const Json object = MustCreate(kConfigMaps, ConfigMap("a", "one"));
  DeleteOptions options;
  options.uid = "00000000-0000-0000-0000-000000000000";
  const Status other = client_->Delete(kConfigMaps, namespace_, "a", options).status();
  EXPECT_EQ(other.code(), StatusCode::kConflict) << other.ToString();

  options.uid = object["metadata"]["uid"].get<std::string>();
  options.resource_version = "1";
  const Status old = client_->Delete(kConfigMaps, namespace_, "a", options).status();
  EXPECT_EQ(old.code(), StatusCode::kConflict) << old.ToString();
  EXPECT_EQ(Value("a"), "one");

  options.resource_version = object["metadata"]["resourceVersion"].get<std::string>();
  const auto deleted = client_->Delete(kConfigMaps, namespace_, "a", options);
  EXPECT_TRUE(deleted.ok()) << deleted.status().ToString();
}

TEST_P(KubeIntegrationTest, PatchesInEveryWay) {
  MustCreate(kConfigMaps, ConfigMap("a", "one"));
  const struct {
    PatchType type;
    Json patch;
    const char* value;
  } cases[] = {
      {PatchType::kMerge, {{"data", {{"key", "two"}}}}, "two"},
      {PatchType::kStrategicMerge, {{"data", {{"key", "three"}}}}, "three"},
      {PatchType::kJson,
       Json::array({{{"op", "replace"}, {"path", "/data/key"}, {"value", "four"}}}), "four"},
      {PatchType::kMerge, {{"data", {{"key", nullptr}}}}, ""},
      {PatchType::kApply,
       {{"apiVersion", "v1"},
        {"kind", "ConfigMap"},
        {"metadata", {{"name", "a"}}},
        {"data", {{"key", "five"}}}},
       "five"},
  };
  for (const auto& c : cases) {
    const auto patched = client_->Patch(kConfigMaps, namespace_, "a", c.type, c.patch);
    ASSERT_TRUE(patched.ok()) << patched.status().ToString();
    EXPECT_EQ(Value("a"), c.value);
  }
}

TEST_P(KubeIntegrationTest, WritesTheStatusSubresourceApart) {
  // Nobody schedules or runs this pod, so nobody else writes its status.
  MustCreate(kPods,
             {{"metadata", {{"name", "a"}}},
              {"spec",
               {{"schedulerName", "nobody"},
                {"containers", Json::array({{{"name", "c"}, {"image", "example.com/image"}}})}}}});
  const auto patched = client_->Patch(kPods, namespace_, "a", PatchType::kMerge,
                                      {{"status", {{"message", "from a test"}}}}, "status");
  ASSERT_TRUE(patched.ok()) << patched.status().ToString();
  EXPECT_EQ(patched->root()["status"]["message"].StringOrEmpty(), "from a test");

  const auto ignored = client_->Patch(kPods, namespace_, "a", PatchType::kMerge,
                                      {{"status", {{"message", "by the main resource"}}}});
  ASSERT_TRUE(ignored.ok()) << ignored.status().ToString();
  EXPECT_EQ(ignored->root()["status"]["message"].StringOrEmpty(), "from a test");

  Json object = ignored->root().ToJson();
  object["status"]["message"] = "by an update";
  const auto updated = client_->Update(kPods, namespace_, "a", object, "status");
  ASSERT_TRUE(updated.ok()) << updated.status().ToString();
  EXPECT_EQ(updated->root()["status"]["message"].StringOrEmpty(), "by an update");
}

TEST_P(KubeIntegrationTest, ListsPageByPage) {
  std::multiset<std::string> expected;
  for (int i = 0; i < 7; ++i) {
    const std::string name = "map-" + std::to_string(i);
    MustCreate(kConfigMaps, ConfigMap(name, "x"));
    expected.insert(name);
  }
  for (const std::int64_t limit : {1, 3, 7, 500}) {
    ListOptions options;
    options.namespace_name = namespace_;
    options.label_selector = "test=yes";
    options.limit = limit;
    std::multiset<std::string> seen;
    const auto version = client_->List(kConfigMaps, options, [&](codec::JsonView object) {
      seen.emplace(object["metadata"]["name"].StringOrEmpty());
    });
    ASSERT_TRUE(version.ok()) << version.status().ToString();
    EXPECT_NE(*version, "");
    EXPECT_EQ(seen, expected) << "in pages of " << limit;
  }
}

std::string TransportName(const ::testing::TestParamInfo<TransportKind>& kind) {
  return kind.param.name;
}

INSTANTIATE_TEST_SUITE_P(All, KubeIntegrationTest,
                         ::testing::Values(TransportKind{"CppRest", &MakeCppRestTransport},
                                           TransportKind{"Beast", &MakeBeastTransport}),
                         TransportName);

// Holds what a cache would: each object's value of "key", by name. Safe to call from any thread.
class CachingHandler final : public WatchHandler {
 public:
  using Objects = std::map<std::string, std::string>;

  void OnListStart() override { listing_.clear(); }
  void OnListItem(codec::JsonView object) override { Put(listing_, object); }
  void OnListEnd(std::string_view) override {
    const std::lock_guard lock(mutex_);
    objects_ = listing_;
    ++lists_;
    changed_.notify_all();
  }
  void OnListAborted() override { listing_.clear(); }
  void OnAdded(codec::JsonView object) override { Event("added", object); }
  void OnModified(codec::JsonView object) override { Event("modified", object); }
  void OnDeleted(codec::JsonView object) override { Event("deleted", object); }
  void OnError(const Status&) override {
    const std::lock_guard lock(mutex_);
    ++errors_;
    changed_.notify_all();
  }

  // Waits for at most a minute until the cache holds exactly `expected`, and returns what it holds.
  Objects WaitFor(const Objects& expected) {
    std::unique_lock lock(mutex_);
    Wait(lock, [&] { return lists_ > 0 && objects_ == expected; });
    return objects_;
  }
  bool WaitForError() {
    std::unique_lock lock(mutex_);
    return Wait(lock, [this] { return errors_ > 0; });
  }
  // "added a" and so on, in order.
  std::vector<std::string> Events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }

 private:
  bool Wait(std::unique_lock<std::mutex>& lock, const std::function<bool()>& condition) {
    return changed_.wait_for(lock, std::chrono::minutes(1), condition);
  }
  static std::string Name(codec::JsonView object) {
    return std::string(object["metadata"]["name"].StringOrEmpty());
  }
  static void Put(Objects& objects, codec::JsonView object) {
    objects[Name(object)] = object["data"]["key"].StringOrEmpty();
  }
  void Event(const std::string& what, codec::JsonView object) {
    const std::lock_guard lock(mutex_);
    events_.push_back(what + " " + Name(object));
    if (what == "deleted") {
      objects_.erase(Name(object));
    } else {
      Put(objects_, object);
    }
    changed_.notify_all();
  }

  Objects listing_;  // of the IoThread alone
  std::mutex mutex_;
  std::condition_variable changed_;
  Objects objects_;                  // guarded by mutex_
  std::vector<std::string> events_;  // guarded by mutex_
  int lists_ = 0;                    // guarded by mutex_
  int errors_ = 0;                   // guarded by mutex_
};

class WatcherIntegrationTest : public KubeIntegrationTest {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(SetUpWith({"Beast", &MakeBeastTransport})); }

  [[nodiscard]] WatchOptions Options() const {
    WatchOptions options;
    options.namespace_name = namespace_;
    options.label_selector = "test=yes";
    return options;
  }

  using Objects = CachingHandler::Objects;

  CachingHandler handler_;
  IoThread io_;
};

TEST_F(WatcherIntegrationTest, SeesWhatIsThereAndThenEveryChange) {
  MustCreate(kConfigMaps, ConfigMap("a", "one"));
  MustCreate(kConfigMaps, ConfigMap("b", "one"));
  MustCreate(kConfigMaps, ConfigMap("c", "one"));
  WatchOptions options = Options();
  options.page_size = 2;
  Watcher watcher(io_, config_, kConfigMaps, options, handler_);
  watcher.Start();
  Objects expected = {{"a", "one"}, {"b", "one"}, {"c", "one"}};
  EXPECT_EQ(handler_.WaitFor(expected), expected);
  EXPECT_TRUE(handler_.Events().empty()) << "until here it was one list";

  MustCreate(kConfigMaps, ConfigMap("d", "one"));
  ASSERT_TRUE(
      client_->Patch(kConfigMaps, namespace_, "a", PatchType::kMerge, {{"data", {{"key", "two"}}}})
          .ok());
  ASSERT_TRUE(client_->Delete(kConfigMaps, namespace_, "b", {}).ok());
  expected = {{"a", "two"}, {"c", "one"}, {"d", "one"}};
  EXPECT_EQ(handler_.WaitFor(expected), expected);
  EXPECT_EQ(handler_.Events(), (std::vector<std::string>{"added d", "modified a", "deleted b"}));
}

TEST_F(WatcherIntegrationTest, ResumesWatchesThatTheServerEnds) {
  WatchOptions options = Options();
  options.timings.shortest_watch = std::chrono::seconds(1);
  options.timings.longest_watch = std::chrono::seconds(1);
  Watcher watcher(io_, config_, kConfigMaps, options, handler_);
  watcher.Start();
  Objects expected;
  EXPECT_EQ(handler_.WaitFor(expected), expected);
  // Changes for longer than two watches last.
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(2500);
  int count = 0;
  while (std::chrono::steady_clock::now() < until) {
    const std::string name = "map-" + std::to_string(count++);
    MustCreate(kConfigMaps, ConfigMap(name, "one"));
    expected[name] = "one";
    EXPECT_EQ(handler_.WaitFor(expected), expected);
  }
  EXPECT_EQ(handler_.Events().size(), static_cast<std::size_t>(count)) << "each seen once";
}

TEST_F(WatcherIntegrationTest, SurvivesARestartOfTheServer) {
  const std::string cluster = Environment("STOCKADE_TEST_CLUSTER");
  ASSERT_NE(cluster, "");
  const auto run = [&cluster](const std::string& verb) {
    const std::string command =
        STOCKADE_SOURCE_DIR "/hack/cluster " + verb + " kube-apiserver --dir '" + cluster + "'";
    return std::system(command.c_str());
  };
  MustCreate(kConfigMaps, ConfigMap("a", "one"));
  WatchOptions options = Options();
  options.timings.first_pause = std::chrono::milliseconds(50);
  options.timings.longest_pause = std::chrono::milliseconds(500);
  Watcher watcher(io_, config_, kConfigMaps, options, handler_);
  watcher.Start();
  Objects expected = {{"a", "one"}};
  EXPECT_EQ(handler_.WaitFor(expected), expected);

  ASSERT_EQ(run("stop"), 0);
  EXPECT_TRUE(handler_.WaitForError()) << "nobody answers";
  EXPECT_EQ(handler_.WaitFor(expected), expected) << "what was known stays known";
  ASSERT_EQ(run("start"), 0);
  MustCreate(kConfigMaps, ConfigMap("b", "one"));
  ASSERT_TRUE(client_->Delete(kConfigMaps, namespace_, "a", {}).ok());
  expected = {{"b", "one"}};
  EXPECT_EQ(handler_.WaitFor(expected), expected);
}

}  // namespace
}  // namespace stockade::kube
