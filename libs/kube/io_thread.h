#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "kube/watcher.h"

namespace stockade::kube {

// The inside of an IoThread, for what runs on it.
struct IoThread::Impl {
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  std::thread thread;
};

}  // namespace stockade::kube
