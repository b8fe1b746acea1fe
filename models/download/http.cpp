#include "models/download/http.h"

#include <lamina/core/error.h>
#include <lamina/core/version.h>

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string_view>
#include <utility>

namespace lamina::models::detail {
namespace {

using Kind = HttpError::Kind;

Kind kind_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT: return Kind::unreachable;
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return Kind::broken;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return Kind::untrusted;
    default: return Kind::hopeless;
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Gives up a line that brings too little. (libcurl's own watch averages over five seconds more.)
class StallWatch {
 public:
  explicit StallWatch(const HttpLimits& limits)
      : limits_(limits),
        least_bytes_(limits.stall_bytes_per_second * limits.stall_time.count() / 1000) {}

  void received(std::size_t bytes) { bytes_ += static_cast<std::int64_t>(bytes); }

  // Called only once there is a connection: from then on there is time for an answer to begin.
  void check() {
    const Clock::time_point now = Clock::now();
    if (since_ != Clock::time_point() && now - since_ < limits_.stall_time) return;
    if (since_ != Clock::time_point() && bytes_ < least_bytes_) {
      throw HttpError(Kind::broken,
                      fmt::format("less than {} bytes came in {:.0f} s", least_bytes_,
                                  std::chrono::duration<double>(now - since_).count()));
    }
    since_ = now;
    bytes_ = 0;
  }

 private:
  using Clock = std::chrono::steady_clock;

  const HttpLimits limits_;
  const std::int64_t least_bytes_;
  Clock::time_point since_;
  std::int64_t bytes_ = 0;
};

// One GET on one curl handle. libcurl is C: an exception may not fly through it, so a callback's is
// kept, the transfer aborted, and the exception thrown again by run().
class Transfer {
 public:
  Transfer(const HttpRequest& request, const HttpCallbacks& callbacks)
      : callbacks_(callbacks), stall_(request.limits) {
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    handle_.reset(started == CURLE_OK ? curl_easy_init() : nullptr);
    if (!handle_) throw Unsupported("[download] libcurl does not start here");
    set_request(request);
    set_limits(request.limits);
    set_callbacks();
  }

  void run() {
    const CURLcode code = curl_easy_perform(handle_.get());
    if (thrown_) std::rethrow_exception(thrown_);
    if (code != CURLE_OK) throw HttpError(refine(code), explain(code));
    deliver_head();  // an answer without a body
  }

 private:
  template <typename T>
  void set(CURLoption option, T value) {
    if (curl_easy_setopt(handle_.get(), option, value) != CURLE_OK) {
      throw Unsupported("[download] libcurl was built without what downloads need");
    }
  }

  void set_request(const HttpRequest& request) {
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_USERAGENT, fmt::format("lamina/{}", version()).c_str());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_BUFFERSIZE, 256L * 1024);
    // Where a machine has its certificates elsewhere: what the curl program looks at too.
    for (const char* name : {"SSL_CERT_FILE", "CURL_CA_BUNDLE"}) {
      if (const char* file = std::getenv(name)) set(CURLOPT_CAINFO, file);
    }
    if (request.first_byte <= 0) return;
    set(CURLOPT_RANGE, fmt::format("{}-", request.first_byte).c_str());
    if (request.if_range.empty()) return;
    headers_.reset(curl_slist_append(nullptr, ("If-Range: " + request.if_range).c_str()));
    set(CURLOPT_HTTPHEADER, headers_.get());
  }

  void set_limits(const HttpLimits& limits) {
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect_timeout.count()));
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, static_cast<long>(limits.redirects));
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  }

  void set_callbacks() {
    set(CURLOPT_ERRORBUFFER, static_cast<char*>(error_text_));
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
    set(CURLOPT_XFERINFODATA, this);
  }

  template <typename F>
  bool guarded(const F& f) noexcept {
    try {
      if (!thrown_) f();
    } catch (...) {
      thrown_ = std::current_exception();
    }
    return !thrown_;
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
    static_cast<Transfer*>(self)->read_header({data, size});
    return size;
  }

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const bool fine = transfer.guarded([&] {
      transfer.deliver_head();
      transfer.stall_.received(size);
      transfer.callbacks_.body({reinterpret_cast<const std::byte*>(data), size});
    });
    return fine ? size : size + 1;  // any other number than size aborts
  }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(self);
    const bool fine = transfer.guarded([&] {
      transfer.callbacks_.tick();
      if (transfer.is_connected()) transfer.stall_.check();
    });
    return fine ? 0 : 1;
  }

  bool is_connected() const {
    curl_off_t microseconds = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_PRETRANSFER_TIME_T, &microseconds);
    return microseconds > 0;
  }

  void read_header(std::string_view line) {
    if (line.starts_with("HTTP/")) {  // of the answer after a redirect
      head_ = {};
      has_retry_after_ = false;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string name = lower(line.substr(0, colon));
    const std::string value(trimmed(line.substr(colon + 1)));
    if (name == "etag") head_.etag = value;
    if (name == "last-modified") head_.last_modified = value;
    if (name == "content-range") head_.content_range = value;
    if (name == "content-type") head_.content_type = lower(value);
    if (name == "retry-after") has_retry_after_ = true;
  }

  void deliver_head() {
    if (std::exchange(head_delivered_, true)) return;
    long status = 0;
    curl_off_t length = -1, retry_after = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    curl_easy_getinfo(handle_.get(), CURLINFO_RETRY_AFTER, &retry_after);
    head_.status = static_cast<int>(status);
    head_.content_length = length;
    if (has_retry_after_) head_.retry_after_seconds = retry_after;
    callbacks_.head(head_);
  }

  // A connection that was not made within its time is curl's "operation timed out" too.
  Kind refine(CURLcode code) const {
    double connected = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_CONNECT_TIME, &connected);
    const bool never = code == CURLE_OPERATION_TIMEDOUT && connected <= 0;
    return never ? Kind::unreachable : kind_of(code);
  }

  // libcurl's own words name hosts, ports and sizes.
  std::string explain(CURLcode code) const {
    const std::string_view detail = trimmed(static_cast<const char*>(error_text_));
    return detail.empty() ? curl_easy_strerror(code) : std::string(detail);
  }

  const HttpCallbacks& callbacks_;
  StallWatch stall_;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_{nullptr,
                                                                       &curl_slist_free_all};
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle_{nullptr, &curl_easy_cleanup};
  char error_text_[CURL_ERROR_SIZE] = {};
  HttpHead head_;
  bool head_delivered_ = false, has_retry_after_ = false;
  std::exception_ptr thrown_;
};

}  // namespace

void http_get(const HttpRequest& request, const HttpCallbacks& callbacks) {
  Transfer(request, callbacks).run();
}

std::string without_password(const std::string& url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const std::size_t begin = scheme + 3, end = url.find_first_of("/?#", begin);
  const std::size_t at = url.rfind('@', end);
  if (at == std::string::npos || at < begin) return url;
  return url.substr(0, begin) + url.substr(at + 1);
}

}  // namespace lamina::models::detail
