// One HTTP GET, through libcurl: TLS, redirects and proxies are its business (http_proxy,
// https_proxy, no_proxy), and it may be called from several threads.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>

namespace lamina::models::detail {

struct HttpLimits {
  std::chrono::milliseconds connect_timeout{30'000};
  /// A line that brings less than this for so long is given up.
  std::int64_t stall_bytes_per_second = 1024;
  std::chrono::milliseconds stall_time{30'000};
  int redirects = 5;  ///< to http and https only
};

struct HttpRequest {
  std::string url;
  std::int64_t first_byte = 0;  ///< beyond 0: asks for the bytes from there on
  std::string if_range = {};    ///< … if the file is still this one; an ETag or a date, or empty
  HttpLimits limits = {};
};

/// What the last answer, redirects followed, says before its body.
struct HttpHead {
  int status = 0;
  std::int64_t content_length = -1;       ///< -1: not said
  std::int64_t retry_after_seconds = -1;  ///< -1: not said
  std::string content_type, content_range, etag, last_modified;
};

/// Called from http_get(). What they throw ends the transfer and comes out of it.
struct HttpCallbacks {
  std::function<void(const HttpHead&)> head;  ///< once, before the body
  std::function<void(std::span<const std::byte>)> body;
  std::function<void()> tick;  ///< at least once a second, also while nothing arrives
};

/// No answer came, or its body broke off.
class HttpError : public std::runtime_error {
 public:
  enum class Kind {
    unreachable,  ///< no connection; it may be there later
    broken,       ///< the line was cut or stalled; it may hold the next time
    untrusted,    ///< the server's certificate is not one that this machine trusts
    hopeless,     ///< will not be better the next time: a bad URL or redirect
  };
  HttpError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

/// Errors:   HttpError; whatever the callbacks throw. A status of 400 or more is an answer like any
///           other.
void http_get(const HttpRequest& request, const HttpCallbacks& callbacks);

/// The URL without a user's name and password, for messages.
std::string without_password(const std::string& url);

}  // namespace lamina::models::detail
