#include "kube/watcher.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <functional>
#include <future>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "kube/backoff.h"
#include "kube/client.h"
#include "kube/http_connection.h"
#include "kube/http_message.h"
#include "kube/io_thread.h"
#include "kube/percent_encode.h"
#include "kube/resource_version.h"
#include "kube/tls_source.h"
#include "kube/token_source.h"
#include "kube/watch_frames.h"

namespace stockade::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMaxFrameBytes = std::size_t{16} * 1024 * 1024;
constexpr std::size_t kMaxErrorBytes = std::size_t{1024} * 1024;
// What happens while a streamed list is under way is kept aside until the list is complete.
constexpr std::size_t kMaxKeptEvents = 100'000;
// After so many watches in a row that the server answered but that brought nothing but an error,
// the resourceVersion is given up.
constexpr int kFruitlessWatches = 3;
// A watch that lasted so long was a good one even if nothing happened.
constexpr std::chrono::seconds kGoodWatch{1};

std::uint64_t Seed(std::uint64_t wanted) {
  if (wanted != 0) return wanted;
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

}  // namespace

// All of it lives on the IoThread, in one of these states:
//
//   kStreaming: a watch that begins with all objects; the bookmark after them leads to kWatching on
//               the same connection, a refusal or a failure within the list to kListing.
//   kListing:   one page after another; the last one leads to kWatching, a failure to a new list.
//   kWatching:  one watch after another from resource_version; Gone leads to a new list.
//   kClosed:    for ever.
//
// In each of the first three exactly one thing is under way: a request, a read, or a pause.
struct Watcher::Impl : std::enable_shared_from_this<Watcher::Impl> {
  enum class State { kStreaming, kListing, kWatching, kClosed };
  using BodyCallback = std::function<void(Impl&, std::string)>;

  Impl(IoThread& io_thread, std::shared_ptr<const ConnectionConfig> connection_config,
       const Resource& watched, WatchOptions watch_options, WatchHandler& watch_handler)
      : io(io_thread.impl().io),
        thread(io_thread.impl().thread.get_id()),
        config(std::move(connection_config)),
        tls(config, watch_options.clock),
        token(config, watch_options.clock),
        path(ResourcePath(watched, watch_options.namespace_name)),
        options(std::move(watch_options)),
        handler(watch_handler),
        random(Seed(options.random_seed)),
        backoff(options.timings.first_pause, options.timings.longest_pause, random()),
        pause(io),
        can_stream(options.stream_lists) {}

  // A callback that does nothing once closed and turns what a step throws into a failure.
  template <typename F>
  auto Step(const F& f) {
    return [self = shared_from_this(), f](auto&&... values) {
      if (self->state == State::kClosed) return;
      try {
        f(*self, std::forward<decltype(values)>(values)...);
      } catch (const std::exception& error) {
        self->Fail({StatusCode::kInternal, error.what()}, /*relist=*/true);
      }
    };
  }

  // Lists anew: as a stream where the server can, but by pages after a stream that broke off.
  void BeginList() {
    list_begun = false;
    resource_version.clear();
    if (can_stream && !std::exchange(stream_broke, false)) return BeginStream();
    state = State::kListing;
    continue_token.clear();
    RequestPage();
  }

  // ---- Streaming a list: KEP-3157. The answer to sendInitialEvents is an ADDED event for each
  // object, in any order, and a marked bookmark; the watch then goes on.

  void BeginStream() {
    state = State::kStreaming;
    stream_answered = false;
    kept_events.clear();
    Query query;
    query.Add("watch", "true")
        .Add("sendInitialEvents", "true")
        .Add("resourceVersionMatch", "NotOlderThan");
    RequestWatch(std::move(query));
  }

  // False when the watch is over.
  bool OnStreamEvent(const WatchEvent& event, std::string_view frame) {
    if (!list_begun && event.type != WatchEventType::kError) {
      list_begun = true;
      handler.OnListStart();
    }
    if (event.type == WatchEventType::kError) {
      Fail(StatusFromObject(event.object), /*relist=*/true);
      return false;
    }
    if (event.type == WatchEventType::kBookmark) return !EndsList(event) || EndStream(event);
    if (event.type == WatchEventType::kAdded && kept_events.empty()) {
      stream_deadline = steady_clock::now() + options.timings.page_timeout;
      handler.OnListItem(event.object);
      return true;
    }
    // Something changes already: the list is as of before, and from here on the order counts.
    if (kept_events.empty()) {
      const auto version = ParseResourceVersion(event.resource_version);
      list_version = version ? std::to_string(*version - 1) : "";
    }
    kept_events.emplace_back(frame);
    if (kept_events.size() <= kMaxKeptEvents) return true;
    Fail({StatusCode::kUnavailable, "a streamed list does not come to its end"}, /*relist=*/true);
    return false;
  }

  static bool EndsList(const WatchEvent& bookmark) {
    return bookmark.object["metadata"]["annotations"]["k8s.io/initial-events-end"]
               .StringOrEmpty() == "true";
  }

  bool EndStream(const WatchEvent& bookmark) {
    list_begun = false;
    verified = true;
    state = State::kWatching;
    watch_began = steady_clock::now();
    handler.OnListEnd(kept_events.empty() ? bookmark.resource_version : list_version);
    for (const std::string& frame : std::exchange(kept_events, {})) {
      const Result<WatchEvent> event = DecodeWatchEvent(frame);
      if (event.ok() && !OnEvent(*event)) return false;
    }
    resource_version = bookmark.resource_version;
    progress = true;
    fruitless = 0;
    backoff.Reset();
    return true;
  }

  // ---- Listing by pages

  void RequestPage() {
    Query query;
    query.Add("limit", options.page_size > 0 ? std::to_string(options.page_size) : "")
        .Add("labelSelector", options.label_selector)
        .Add("fieldSelector", options.field_selector)
        .Add("continue", continue_token);
    body_deadline = steady_clock::now() + options.timings.page_timeout;
    Request(path + query.text(), body_deadline, [](Impl& self) {
      self.ReadWhole(kMaxAnswerBytes, [](Impl& me, const std::string& body) { me.OnPage(body); });
    });
  }

  void OnPage(const std::string& body) {
    const Result<codec::JsonDocument> page = codec::JsonDocument::Parse(body);
    if (!page.ok()) {
      return Fail(
          {StatusCode::kUnavailable, "a list's page is no JSON: " + page.status().message()},
          /*relist=*/true);
    }
    const codec::JsonView items = page->root()["items"];
    const codec::JsonView metadata = page->root()["metadata"];
    resource_version = metadata["resourceVersion"].StringOrEmpty();
    if (!(items.IsArray() || items.IsNull()) || resource_version.empty()) {
      return Fail({StatusCode::kUnavailable, "a list's page has no items or no resourceVersion"},
                  /*relist=*/true);
    }
    if (!list_begun) {
      list_begun = true;
      handler.OnListStart();
    }
    items.ForEachElement([this](std::size_t, codec::JsonView item) { handler.OnListItem(item); });
    continue_token = metadata["continue"].StringOrEmpty();
    if (!continue_token.empty()) return RequestPage();
    list_begun = false;
    verified = true;
    handler.OnListEnd(resource_version);
    backoff.Reset();
    BeginWatch();
  }

  // ---- Watching

  // Over a new connection the server may be another than before, or the same one with older data. A
  // watch from a version that such a server has yet to reach brings nothing until it does: the API
  // server holds back every event that is not newer than asked for. So its version is read first.
  void BeginWatch() {
    state = State::kWatching;
    if (!verified) return VerifyHistory();
    Query query;
    query.Add("watch", "true").Add("resourceVersion", resource_version);
    RequestWatch(std::move(query));
  }

  void VerifyHistory() {
    Query query;
    query.Add("limit", "1")
        .Add("labelSelector", options.label_selector)
        .Add("fieldSelector", options.field_selector);
    body_deadline = steady_clock::now() + options.timings.answer_timeout;
    Request(path + query.text(), body_deadline, [](Impl& self) {
      self.ReadWhole(kMaxAnswerBytes,
                     [](Impl& me, const std::string& body) { me.OnHistory(body); });
    });
  }

  void OnHistory(const std::string& body) {
    const Result<codec::JsonDocument> page = codec::JsonDocument::Parse(body);
    const std::string_view newest =
        page.ok() ? page->root()["metadata"]["resourceVersion"].StringOrEmpty() : "";
    if (newest.empty()) {
      return Fail({StatusCode::kUnavailable, "a list has no resourceVersion"}, /*relist=*/true);
    }
    if (IsOlderVersion(newest, resource_version)) {
      return Fail({StatusCode::kGone, "the server went back in time: its data was replaced"},
                  /*relist=*/true);
    }
    verified = true;
    BeginWatch();
  }

  void RequestWatch(Query query) {
    splitter.Clear();
    progress = false;
    watch_began = steady_clock::now();
    const WatchTimings& timings = options.timings;
    watch_lasts = std::chrono::seconds(std::uniform_int_distribution<std::int64_t>(
        timings.shortest_watch.count(),
        std::max(timings.shortest_watch, timings.longest_watch).count())(random));
    query.Add("allowWatchBookmarks", "true")
        .Add("timeoutSeconds", std::to_string(watch_lasts.count()))
        .Add("labelSelector", options.label_selector)
        .Add("fieldSelector", options.field_selector);
    Request(path + query.text(), steady_clock::now() + options.timings.answer_timeout,
            [](Impl& self) {
              self.watch_began = steady_clock::now();
              self.stream_answered = true;
              self.stream_deadline = self.watch_began + self.options.timings.page_timeout;
              self.ReadWatch();
            });
  }

  void ReadWatch() {
    const steady_clock::time_point deadline =
        state == State::kStreaming
            ? stream_deadline
            : steady_clock::now() + watch_lasts + options.timings.silence_allowed;
    connection->Read(deadline, Step([](Impl& self, const Result<std::string_view>& piece) {
                       self.OnWatchData(piece);
                     }));
  }

  void OnWatchData(const Result<std::string_view>& piece) {
    if (!piece.ok()) return EndWatch(piece.status());
    if (piece->empty()) {
      if (splitter.empty()) return EndWatch(Status::Ok());
      return EndWatch({StatusCode::kUnavailable, "the watch ended within an event"});
    }
    splitter.Append(*piece);
    for (;;) {
      const Result<std::optional<std::string_view>> frame = splitter.Next();
      // A frame that cannot be read would come again with every resumed watch.
      if (!frame.ok()) return Fail(frame.status(), /*relist=*/true);
      if (!*frame) return ReadWatch();
      const Result<WatchEvent> event = DecodeWatchEvent(**frame);
      if (!event.ok()) return Fail(event.status(), /*relist=*/true);
      const bool goes_on =
          state == State::kStreaming ? OnStreamEvent(*event, **frame) : OnEvent(*event);
      if (!goes_on) return;
    }
  }

  // False when the watch is over.
  bool OnEvent(const WatchEvent& event) {
    if (event.type == WatchEventType::kError) {
      const Status status = StatusFromObject(event.object);
      Fail(status, status.code() == StatusCode::kGone || CountFruitless());
      return false;
    }
    if (IsOlderVersion(event.resource_version, resource_version)) {
      Fail({StatusCode::kGone, "the watch went back in time: the server's data was replaced"},
           /*relist=*/true);
      return false;
    }
    resource_version = event.resource_version;
    progress = true;
    fruitless = 0;
    backoff.Reset();
    switch (event.type) {
      case WatchEventType::kAdded:
        handler.OnAdded(event.object);
        break;
      case WatchEventType::kModified:
        handler.OnModified(event.object);
        break;
      case WatchEventType::kDeleted:
        handler.OnDeleted(event.object);
        break;
      case WatchEventType::kBookmark:
      case WatchEventType::kError:
        break;
    }
    return true;
  }

  // A watch that went well ends all the time, by its own timeout or when the server is busy.
  void EndWatch(const Status& status) {
    if (state == State::kStreaming) {
      const Status early(StatusCode::kUnavailable, "the watch ended within its list");
      return Fail(status.ok() ? early : status, /*relist=*/true);
    }
    const bool good = progress || steady_clock::now() - watch_began >= kGoodWatch;
    if (!good) {
      Fail(status.ok() ? Status(StatusCode::kUnavailable, "the watch ended at once") : status,
           /*relist=*/false);
      return;
    }
    backoff.Reset();
    if (!status.ok()) {
      DropConnection();
      handler.OnError(status);
    }
    BeginWatch();
  }

  // Counts a watch that the server answered with an error; true when it is one too many.
  bool CountFruitless() {
    if (++fruitless < kFruitlessWatches) return false;
    fruitless = 0;
    return true;
  }

  // ---- Requests, the same for both

  // Sends a GET and calls `then` when the answer is 200; everything else is a failure. A kept
  // connection that the server dropped at the same moment is replaced at once.
  void Request(const std::string& target, steady_clock::time_point deadline,
               const std::function<void(Impl&)>& then) {
    Result<std::string> text = RequestText(target);
    if (!text.ok()) return Fail(text.status(), /*relist=*/false);
    const auto identity = tls.Context();
    if (const auto failure = tls.TakeFailure()) handler.OnError(*failure);
    if (!identity.ok()) return Fail(identity.status(), /*relist=*/false);
    const bool reused =
        connection && connection_tls == *identity && connection->reusable() && !connection->stale();
    if (!reused) {
      DropConnection();
      connection = HttpConnection::Make(io, config, *identity);
      connection_tls = *identity;
    }
    connection->Send(
        std::move(*text), deadline,
        Step([target, deadline, then, reused](Impl& self, const Result<AnswerHead>& head) {
          if (head.ok()) return self.OnHead(*head, then);
          const bool again = reused && !self.connection->answer_begun();
          self.DropConnection();
          if (again && self.state == State::kWatching) return self.BeginWatch();
          if (again) return self.Request(target, deadline, then);
          self.Fail(head.status(), /*relist=*/false);
        }));
  }

  Result<std::string> RequestText(const std::string& target) {
    const Result<std::string> bearer = token.Token();
    if (!bearer.ok()) return bearer.status();
    HttpRequest request;
    request.method = "GET";
    request.target = target;
    return FormatRequest(*config, request, *bearer);
  }

  void OnHead(const AnswerHead& head, const std::function<void(Impl&)>& then) {
    if (head.status == 200) return then(*this);
    if (head.status == 401) {
      tls.OnUnauthorized();
      token.OnUnauthorized();
    }
    body_deadline = steady_clock::now() + options.timings.answer_timeout;
    ReadWhole(kMaxErrorBytes, [head](Impl& self, std::string body) {
      HttpResponse response;
      response.status = head.status;
      response.retry_after = head.retry_after;
      response.body = std::move(body);
      self.OnRefused(StatusFromResponse(response));
    });
  }

  // The server answered, but not with what was asked.
  void OnRefused(const Status& status) {
    const bool cannot_stream =
        state == State::kStreaming &&
        (status.code() == StatusCode::kInvalid || status.code() == StatusCode::kBadRequest);
    if (cannot_stream) {
      can_stream = false;
      return BeginList();
    }
    const bool gone = status.code() == StatusCode::kGone;
    const bool hopeless = status.code() == StatusCode::kBadRequest && CountFruitless();
    Fail(status, gone || hopeless);
  }

  // Reads the body until body_deadline and passes all of it on.
  void ReadWhole(std::size_t limit, const BodyCallback& then) {
    body_so_far.clear();
    ReadMore(limit, then);
  }

  void ReadMore(std::size_t limit, const BodyCallback& then) {
    connection->Read(body_deadline,
                     Step([limit, then](Impl& self, const Result<std::string_view>& piece) {
                       if (!piece.ok()) return self.Fail(piece.status(), /*relist=*/false);
                       if (piece->empty()) return then(self, std::exchange(self.body_so_far, {}));
                       self.body_so_far.append(*piece);
                       if (self.body_so_far.size() <= limit) return self.ReadMore(limit, then);
                       self.Fail({StatusCode::kUnavailable,
                                  "the answer is larger than " + std::to_string(limit) + " bytes"},
                                 /*relist=*/false);
                     }));
  }

  // Reports `status`, and after a pause goes on where it can, or with a new list.
  void Fail(const Status& status, bool relist) {
    if (connection && !connection->reusable()) DropConnection();
    const bool list = relist || state != State::kWatching;
    stream_broke = state == State::kStreaming && stream_answered;
    pause.expires_after(std::max(backoff.Next(), status.retry_after().value_or(milliseconds(0))));
    pause.async_wait(Step([list](Impl& self, const boost::system::error_code& error) {
      if (error) return;
      list ? self.BeginList() : self.BeginWatch();
    }));
    if (std::exchange(list_begun, false)) handler.OnListAborted();
    handler.OnError(status);
  }

  void DropConnection() {
    verified = false;
    if (connection) connection->Close();
    connection.reset();
  }

  void Close() {
    state = State::kClosed;
    pause.cancel();
    DropConnection();
  }

  boost::asio::io_context& io;
  const std::thread::id thread;
  const std::shared_ptr<const ConnectionConfig> config;
  TlsSource tls;
  TokenSource token;
  const std::string path;
  const WatchOptions options;
  WatchHandler& handler;
  std::mt19937_64 random;
  Backoff backoff;
  boost::asio::steady_timer pause;
  std::shared_ptr<HttpConnection> connection;
  std::shared_ptr<const TlsContext> connection_tls;  // that it was made with

  State state = State::kListing;
  std::string resource_version;  // of the list, then of the last event
  // Streaming.
  bool can_stream;  // the server has not refused to
  bool stream_answered = false;
  bool stream_broke = false;                 // within its list: the next list comes by pages
  steady_clock::time_point stream_deadline;  // for the next of the list's objects, or its end
  std::vector<std::string> kept_events;      // frames
  std::string list_version;                  // of the list, when events were kept
  // Listing.
  bool list_begun = false;  // OnListStart without its end, in either state
  std::string continue_token;
  std::string body_so_far;
  steady_clock::time_point body_deadline;
  // Watching.
  FrameSplitter splitter{kMaxFrameBytes};
  std::chrono::seconds watch_lasts{0};
  steady_clock::time_point watch_began;
  bool verified = false;  // the server's data is no older than resource_version
  bool progress = false;  // this watch brought an event
  int fruitless = 0;      // watches in a row that brought nothing but an error
};

Watcher::Watcher(IoThread& io, std::shared_ptr<const ConnectionConfig> config,
                 const Resource& resource, WatchOptions options, WatchHandler& handler)
    : impl_(std::make_shared<Impl>(io, std::move(config), resource, std::move(options), handler)) {}

Watcher::~Watcher() {
  if (std::this_thread::get_id() == impl_->thread) std::abort();  // it would wait for itself
  std::promise<void> closed;
  boost::asio::post(impl_->io, [impl = impl_, &closed] {
    impl->Close();
    closed.set_value();
  });
  closed.get_future().wait();
}

void Watcher::Start() {
  boost::asio::post(impl_->io, impl_->Step([](Impl& self) { self.BeginList(); }));
}

}  // namespace stockade::kube
