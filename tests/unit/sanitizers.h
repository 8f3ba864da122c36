#pragma once

namespace stockade {

// Under a sanitizer each step takes about ten times as long. Tests that try thousands of inputs
// take a sample of them then; all of them are tried without.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kUnderSanitizer = true;
#elif defined(__has_feature)
inline constexpr bool kUnderSanitizer =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kUnderSanitizer = false;
#endif

}  // namespace stockade
