#include "runtime/store.h"

#include <gtest/gtest.h>

namespace stockade::runtime {
namespace {

struct Thing : CachedObject {
  std::string value;
};

Thing Make(const std::string& name, const std::string& uid, std::uint64_t version,
           const std::string& value = "") {
  Thing thing;
  thing.key = {"ns", name};
  thing.uid = uid;
  thing.resource_version = version;
  thing.value = value;
  return thing;
}

class StoreTest : public ::testing::Test {
 protected:
  std::string ValueOf(const std::string& name) const {
    const auto thing = store_.Get({"ns", name});
    return thing ? thing->value : "(none)";
  }

  Store<Thing> store_;
};

TEST_F(StoreTest, AppliesNewerAndIgnoresOlderAndSame) {
  EXPECT_TRUE(store_.Apply(Make("a", "u1", 5, "five")));
  EXPECT_FALSE(store_.Apply(Make("a", "u1", 5, "same")));
  EXPECT_FALSE(store_.Apply(Make("a", "u1", 4, "four")));
  EXPECT_EQ(ValueOf("a"), "five");
  const auto change = store_.Apply(Make("a", "u1", 6, "six"));
  EXPECT_EQ(change.before->value, "five");
  EXPECT_EQ(change.after->value, "six");
}

TEST_F(StoreTest, ReadsItsOwnWriteAndIgnoresItsEcho) {
  EXPECT_TRUE(store_.RecordWrite(Make("a", "u1", 10, "written")));
  EXPECT_FALSE(store_.Apply(Make("a", "u1", 10, "echo"))) << "an echo must cause no reconcile";
  EXPECT_EQ(ValueOf("a"), "written");
}

TEST_F(StoreTest, OwnDeleteIsNotUndoneByALateEvent) {
  store_.Apply(Make("a", "u1", 5));
  EXPECT_TRUE(store_.RecordDelete({"ns", "a"}, "u1"));
  EXPECT_FALSE(store_.Apply(Make("a", "u1", 6, "late"))) << "the event was on its way already";
  EXPECT_EQ(ValueOf("a"), "(none)");
  EXPECT_TRUE(store_.Apply(Make("a", "u2", 8, "new object of the same name")));
}

TEST_F(StoreTest, AnswerThatComesAfterTheDeletedEventDoesNotRevive) {
  // A worker's create is answered, but before it records the answer the watch has brought both the
  // object and its deletion by somebody else.
  store_.Apply(Make("a", "u1", 5));
  store_.Remove({"ns", "a"}, "u1", 7);
  EXPECT_FALSE(store_.RecordWrite(Make("a", "u1", 5, "late answer")));
  EXPECT_EQ(ValueOf("a"), "(none)");
}

TEST_F(StoreTest, ObjectThatIsSelectedAgainComesBack) {
  // A watch with a label selector says DELETED when the label is taken off.
  store_.Apply(Make("a", "u1", 5));
  store_.Remove({"ns", "a"}, "u1", 7);
  EXPECT_TRUE(store_.RecordWrite(Make("a", "u1", 8, "label restored")));
  EXPECT_EQ(ValueOf("a"), "label restored");
}

TEST_F(StoreTest, LateRemovalSparesWhatWasWrittenSince) {
  store_.RecordWrite(Make("a", "u1", 8, "label restored"));
  EXPECT_FALSE(store_.Remove({"ns", "a"}, "u1", 7));
  EXPECT_EQ(ValueOf("a"), "label restored");
}

TEST_F(StoreTest, RemovalOfAnEarlierObjectSparesItsSuccessor) {
  store_.Apply(Make("a", "u2", 9, "successor"));
  EXPECT_FALSE(store_.Remove({"ns", "a"}, "u1", 8));
  EXPECT_EQ(ValueOf("a"), "successor");
}

TEST_F(StoreTest, ReplaceReportsEveryChangeAndKeepsOwnNewerWrites) {
  store_.Apply(Make("gone", "u1", 1));
  store_.Apply(Make("kept", "u2", 2, "old"));
  store_.Apply(Make("same", "u3", 3));
  store_.RecordWrite(Make("mine", "u4", 20, "created after the list was made"));
  store_.RecordWrite(Make("changed", "u5", 21, "written after the list was made"));

  std::vector<Thing> listed;
  listed.push_back(Make("kept", "u2", 7, "new"));
  listed.push_back(Make("same", "u3", 3));
  listed.push_back(Make("changed", "u5", 6, "as listed"));
  listed.push_back(Make("fresh", "u6", 8));
  const auto changes = store_.Replace(std::move(listed), 10);

  EXPECT_EQ(ValueOf("kept"), "new");
  EXPECT_EQ(ValueOf("mine"), "created after the list was made");
  EXPECT_EQ(ValueOf("changed"), "written after the list was made");
  EXPECT_EQ(ValueOf("gone"), "(none)");
  std::vector<std::string> changed;
  for (const auto& change : changes) {
    changed.push_back((change.after ? change.after : change.before)->key.name +
                      (change.after ? "" : "-"));
  }
  std::ranges::sort(changed);
  EXPECT_EQ(changed, (std::vector<std::string>{"fresh", "gone-", "kept"}));
}

TEST_F(StoreTest, ReplaceDoesNotReviveWhatWeDeleted) {
  store_.Apply(Make("a", "u1", 5));
  store_.RecordDelete({"ns", "a"}, "u1");
  std::vector<Thing> listed;
  listed.push_back(Make("a", "u1", 5));
  store_.Replace(std::move(listed), 6);
  EXPECT_EQ(ValueOf("a"), "(none)");
}

TEST_F(StoreTest, ReplaceOfOneNamespaceLeavesTheOthersAlone) {
  store_.Apply(Make("gone", "u1", 1));
  store_.Apply(Make("kept", "u2", 2));
  for (const char* const name : {"m", "ns-2", "o"}) {
    Thing other = Make("gone", std::string("u-") + name, 3);
    other.key.namespace_name = name;
    store_.Apply(other);
  }
  std::vector<Thing> listed;
  listed.push_back(Make("kept", "u2", 2));
  const auto changes = store_.Replace(std::move(listed), 10, /*new_history=*/false, "ns");
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].before->uid, "u1");
  EXPECT_EQ(ValueOf("gone"), "(none)");
  EXPECT_EQ(store_.List().size(), 4U);
}

TEST_F(StoreTest, ListsOneNamespaceOnly) {
  store_.Apply(Make("a", "u1", 1));
  Thing other = Make("b", "u2", 2);
  other.key.namespace_name = "ns-2";
  store_.Apply(other);
  ASSERT_EQ(store_.ListNamespace("ns").size(), 1U);
  EXPECT_EQ(store_.ListNamespace("ns")[0]->key.name, "a");
  EXPECT_EQ(store_.ListNamespace("n").size(), 0U);
  EXPECT_EQ(store_.List().size(), 2U);
}

TEST_F(StoreTest, AListIsRightAboutWhateverIsNoNewerThanItself) {
  // As after a restored backup whose history has outrun what was seen before.
  store_.Apply(Make("a", "u1", 9, "lost"));
  store_.Apply(Make("b", "u2", 12, "own write"));
  std::vector<Thing> listed;
  listed.push_back(Make("a", "u1", 5, "restored"));
  listed.push_back(Make("b", "u2", 6, "behind"));
  const auto changes = store_.Replace(std::move(listed), 10);
  EXPECT_EQ(ValueOf("a"), "restored");
  EXPECT_EQ(ValueOf("b"), "own write");
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].before->value, "lost");
  EXPECT_EQ(changes[0].after->value, "restored");
  EXPECT_TRUE(changes[0].listed);
}

TEST_F(StoreTest, ANewHistoryLeavesNothingOfTheOldOne) {
  store_.Apply(Make("a", "u1", 50, "of the old history"));
  store_.Apply(Make("b", "u2", 51, "never to be again"));
  store_.Apply(Make("c", "u3", 52));
  store_.RecordDelete({"ns", "c"}, "u3");
  std::vector<Thing> listed;
  listed.push_back(Make("a", "u1", 20, "restored"));
  listed.push_back(Make("c", "u3", 21, "deleted later, in the old history"));
  const auto changes = store_.Replace(std::move(listed), 30, /*new_history=*/true);
  EXPECT_EQ(ValueOf("a"), "restored");
  EXPECT_EQ(ValueOf("b"), "(none)");
  EXPECT_EQ(ValueOf("c"), "deleted later, in the old history");
  EXPECT_EQ(changes.size(), 3U);
}

class StoreIndexTest : public StoreTest {
 protected:
  std::vector<std::string> NamesIn(const std::string& group) const {
    std::vector<std::string> names;
    for (const auto& thing : store_.ListIndexed(by_value_, group)) names.push_back(thing->key.name);
    return names;
  }

  const std::size_t by_value_ = store_.AddIndex([](const Thing& thing) {
    return thing.value.empty() ? std::vector<std::string>() : std::vector{thing.value};
  });
};

using Names = std::vector<std::string>;

TEST_F(StoreIndexTest, FollowsEveryChange) {
  store_.Apply(Make("b", "u2", 1, "red"));
  store_.Apply(Make("a", "u1", 2, "red"));
  store_.Apply(Make("c", "u3", 3));
  EXPECT_EQ(NamesIn("red"), (Names{"a", "b"}));
  EXPECT_EQ(NamesIn(""), Names());
  EXPECT_EQ(store_.FirstIndexed(by_value_, "red")->key.name, "a");
  EXPECT_EQ(store_.FirstIndexed(by_value_, "blue"), nullptr);

  store_.RecordWrite(Make("a", "u1", 4, "blue"));
  EXPECT_EQ(NamesIn("red"), Names{"b"});
  EXPECT_EQ(NamesIn("blue"), Names{"a"});
  store_.Remove({"ns", "b"}, "u2", 5);
  EXPECT_EQ(NamesIn("red"), Names());
  EXPECT_EQ(store_.FirstIndexed(by_value_, "red"), nullptr);
}

TEST_F(StoreIndexTest, FollowsAList) {
  store_.Apply(Make("a", "u1", 1, "red"));
  store_.Apply(Make("b", "u2", 2, "red"));
  std::vector<Thing> listed;
  listed.push_back(Make("b", "u2", 3, "blue"));
  listed.push_back(Make("c", "u3", 4, "blue"));
  store_.Replace(std::move(listed), 5);
  EXPECT_EQ(NamesIn("red"), Names());
  EXPECT_EQ(NamesIn("blue"), (Names{"b", "c"}));
}

TEST_F(StoreTest, KnowsWhetherANamespaceHasAny) {
  EXPECT_FALSE(store_.AnyInNamespace("ns"));
  store_.Apply(Make("a", "u1", 1));
  EXPECT_TRUE(store_.AnyInNamespace("ns"));
  EXPECT_FALSE(store_.AnyInNamespace("n"));
  EXPECT_FALSE(store_.AnyInNamespace("ns2"));
}

}  // namespace
}  // namespace stockade::runtime
