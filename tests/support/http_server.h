// An HTTP server on the loopback that misbehaves as a test wants it to.
//
//   HttpServer server([](const HttpQuery& query) { return file_reply(query, {.bytes = "hello"});
//   }); download(server.url() + "/file"); CHECK(server.queries().size() == 1);
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lamina::test {

struct HttpQuery {
  std::string method, path;
  std::map<std::string, std::string> headers;  ///< names in lower case
  int number = 0;                              ///< of queries before it, on this server

  std::string header(const std::string& name) const;
};

struct HttpReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::int64_t declared_length = -1;      ///< Content-Length; -1: the body's
  bool declare_length = true;             ///< false: the end of the connection is the body's
  std::int64_t cut_after = -1;            ///< bytes of the body, then the line is cut; -1: never
  std::int64_t stall_after = -1;          ///< bytes, then nothing more comes
  std::int64_t piece_bytes = 1 << 16;     ///< sent at once
  std::chrono::milliseconds pause_ms{0};  ///< after each piece
};

class HttpServer {
 public:
  using Handler = std::function<HttpReply(const HttpQuery&)>;

  /// Answers each query, from several threads, by what `handler` returns.
  explicit HttpServer(Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url() const;  ///< "http://127.0.0.1:12345"
  std::vector<HttpQuery> queries() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A file as a well-behaved server has it.
struct ServedFile {
  std::string bytes;
  std::string etag = "\"v1\"";  ///< with its quotes; empty: none
  std::string last_modified = {};
  bool ranges = true;
};

/// The answer of such a server: 200, 206 or 416, as Range and If-Range say.
HttpReply file_reply(const HttpQuery& query, const ServedFile& file);

}  // namespace lamina::test
