#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "codec/json.h"
#include "kube/transport.h"

namespace stockade::runtime {

// Events as the API server keeps them: created once, patched by name. Safe to call from any thread.
class EventServer {
 public:
  Result<kube::HttpResponse> Send(const kube::HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    const bool creates = request.method == "POST";
    const codec::Json sent = codec::Json::parse(request.body);
    requests_.push_back(request.method + " " + request.target.substr(0, request.target.find('?')));
    if (!failures_.empty()) {
      const Failure failure = failures_.front();
      failures_.pop_front();
      if (failure.committed) Commit(creates, request, sent);
      if (failure.code == 0) return Status(StatusCode::kUnavailable, "the connection broke");
      return Fails(failure.code, failure.retry_after);
    }
    return Commit(creates, request, sent);
  }

  // The next request fails: with that HTTP status, or 0 for a connection that breaks.
  void FailNext(int code, std::optional<std::chrono::milliseconds> retry_after = std::nullopt) {
    Add({code, false, retry_after});
  }
  // The next request is carried out and its answer lost.
  void LoseNextAnswer() { Add({0, true, std::nullopt}); }
  void Forget() {
    const std::lock_guard lock(mutex_);
    events_.clear();
  }
  // Each event by its name.
  std::map<std::string, codec::Json> events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  // The only event; null when there is none or several.
  codec::Json event() {
    const auto all = events();
    return all.size() == 1 ? all.begin()->second : codec::Json();
  }
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  struct Failure {
    int code = 0;
    bool committed = false;
    std::optional<std::chrono::milliseconds> retry_after;
  };

  void Add(const Failure& failure) {
    const std::lock_guard lock(mutex_);
    failures_.push_back(failure);
  }
  kube::HttpResponse Commit(bool creates, const kube::HttpRequest& request,
                            const codec::Json& sent) {
    std::string name;
    if (creates) {
      name = sent["metadata"]["name"];
      if (!events_.emplace(name, sent).second) return Fails(409, std::nullopt);
    } else {
      const std::string path = request.target.substr(0, request.target.find('?'));
      name = path.substr(path.rfind('/') + 1);
      if (!events_.contains(name)) return Fails(404, std::nullopt);
      events_[name].merge_patch(sent);
    }
    return {.status = 200, .retry_after = std::nullopt, .body = events_[name].dump()};
  }
  static kube::HttpResponse Fails(int code, std::optional<std::chrono::milliseconds> retry_after) {
    const char* const reason = code == 409 ? "AlreadyExists" : "Because";
    return {.status = code,
            .retry_after = retry_after,
            .body = codec::Json{{"kind", "Status"}, {"code", code}, {"reason", reason}}.dump()};
  }

  std::mutex mutex_;
  std::map<std::string, codec::Json> events_;
  std::deque<Failure> failures_;
  std::vector<std::string> requests_;
};

class EventTransport final : public kube::Transport {
 public:
  explicit EventTransport(EventServer& server) : server_(server) {}
  Result<kube::HttpResponse> Send(const kube::HttpRequest& request) override {
    return server_.Send(request);
  }

 private:
  EventServer& server_;
};

}  // namespace stockade::runtime
