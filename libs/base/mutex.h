#pragma once

#include <mutex>
#include <shared_mutex>

// Mutexes that clang's thread-safety analysis understands: a member marked STOCKADE_GUARDED_BY is
// only touched with its mutex held, and a function marked STOCKADE_REQUIRES is only called so. The
// suite `tidy` fails where that does not hold; other compilers see plain mutexes.
// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#if defined(__clang__)
#define STOCKADE_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define STOCKADE_THREAD_ATTRIBUTE(x)
#endif

#define STOCKADE_GUARDED_BY(mutex) STOCKADE_THREAD_ATTRIBUTE(guarded_by(mutex))
#define STOCKADE_REQUIRES(mutex) STOCKADE_THREAD_ATTRIBUTE(requires_capability(mutex))
#define STOCKADE_REQUIRES_SHARED(mutex) STOCKADE_THREAD_ATTRIBUTE(requires_shared_capability(mutex))

namespace stockade {

// A std::mutex. Take it by MutexLock; std::condition_variable_any waits on the Mutex itself, whose
// lower-case members are for that.
class STOCKADE_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() STOCKADE_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() STOCKADE_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

// A std::shared_mutex: many ReaderLocks or one WriterLock.
class STOCKADE_THREAD_ATTRIBUTE(capability("shared mutex")) SharedMutex {
 public:
  void lock() STOCKADE_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() STOCKADE_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  void lock_shared() STOCKADE_THREAD_ATTRIBUTE(acquire_shared_capability()) {
    mutex_.lock_shared();
  }
  void unlock_shared() STOCKADE_THREAD_ATTRIBUTE(release_shared_capability()) {
    mutex_.unlock_shared();
  }

 private:
  std::shared_mutex mutex_;
};

// Holds one of the two to itself.
template <typename T>
class STOCKADE_THREAD_ATTRIBUTE(scoped_lockable) ExclusiveLock {
 public:
  explicit ExclusiveLock(T& mutex) STOCKADE_THREAD_ATTRIBUTE(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock();
  }
  ~ExclusiveLock() STOCKADE_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  ExclusiveLock(const ExclusiveLock&) = delete;
  ExclusiveLock& operator=(const ExclusiveLock&) = delete;

 private:
  T& mutex_;
};
using MutexLock = ExclusiveLock<Mutex>;
using WriterLock = ExclusiveLock<SharedMutex>;

class STOCKADE_THREAD_ATTRIBUTE(scoped_lockable) ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mutex)
      STOCKADE_THREAD_ATTRIBUTE(acquire_shared_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock_shared();
  }
  ~ReaderLock() STOCKADE_THREAD_ATTRIBUTE(release_generic_capability()) { mutex_.unlock_shared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex& mutex_;
};

}  // namespace stockade
