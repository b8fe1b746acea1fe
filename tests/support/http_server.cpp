#include "tests/support/http_server.h"

#include "core/file_descriptor.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace lamina::test {
namespace {

using std::chrono::milliseconds;

// Everything up to the empty line; empty where the client went away.
std::string read_query(int socket) {
  std::string text;
  char buffer[4096];
  while (text.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = ::recv(socket, buffer, sizeof(buffer), 0);
    if (count <= 0) return {};
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return text;
}

HttpQuery parse_query(const std::string& text) {
  HttpQuery query;
  std::istringstream stream(text);
  stream >> query.method >> query.path;
  std::string line;
  std::getline(stream, line);
  while (std::getline(stream, line) && line != "\r") {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    query.headers[name] = line.substr(colon + 2, line.size() - colon - 3);
  }
  return query;
}

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

std::string head_of(const HttpReply& reply) {
  std::string head = fmt::format("HTTP/1.1 {} Text\r\nConnection: close\r\n", reply.status);
  const auto body = static_cast<std::int64_t>(reply.body.size());
  if (reply.declare_length) {
    head += fmt::format("Content-Length: {}\r\n",
                        reply.declared_length >= 0 ? reply.declared_length : body);
  }
  for (const auto& [name, value] : reply.headers) head += fmt::format("{}: {}\r\n", name, value);
  return head + "\r\n";
}

}  // namespace

std::string HttpQuery::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

struct HttpServer::Impl {
  Handler handler;
  FileDescriptor listener;
  std::uint16_t port = 0;
  std::atomic<bool> stopping = false;
  mutable std::mutex mutex;
  std::vector<HttpQuery> queries;
  std::vector<std::thread> connections;
  std::thread acceptor;

  void listen() {
    listener = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener.get(), generic, size) != 0 || ::listen(listener.get(), 16) != 0 ||
        ::getsockname(listener.get(), generic, &size) != 0) {
      throw std::runtime_error("no server on the loopback");
    }
    port = ntohs(address.sin_port);
  }

  void accept_until_stopped() {
    while (!stopping) {
      pollfd waiting{.fd = listener.get(), .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const int socket = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) continue;
      connections.emplace_back([this, socket] { serve(FileDescriptor(socket)); });
    }
  }

  void serve(const FileDescriptor& socket) {
    const std::string text = read_query(socket.get());
    if (text.empty()) return;
    HttpQuery query = parse_query(text);
    {
      const std::lock_guard lock(mutex);
      query.number = static_cast<int>(queries.size());
      queries.push_back(query);
    }
    const HttpReply reply = handler(query);
    if (send_all(socket.get(), head_of(reply))) send_body(socket.get(), reply);
  }

  void send_body(int socket, const HttpReply& reply) {
    std::string_view rest = reply.body;
    std::int64_t sent = 0;
    const auto until = [&](std::int64_t limit) { return limit < 0 ? INT64_MAX : limit - sent; };
    while (!rest.empty() && !stopping) {
      const std::int64_t piece =
          std::min({reply.piece_bytes, until(reply.cut_after), until(reply.stall_after),
                    static_cast<std::int64_t>(rest.size())});
      if (piece == 0) break;
      if (!send_all(socket, rest.substr(0, static_cast<std::size_t>(piece)))) return;
      rest.remove_prefix(static_cast<std::size_t>(piece));
      sent += piece;
      std::this_thread::sleep_for(reply.pause_ms);
    }
    while (reply.stall_after >= 0 && !stopping && !is_gone(socket)) {
    }
  }

  static bool is_gone(int socket) {
    pollfd waiting{.fd = socket, .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, 20) > 0;
  }
};

HttpServer::HttpServer(Handler handler) : impl_(std::make_unique<Impl>()) {
  impl_->handler = std::move(handler);
  impl_->listen();
  impl_->acceptor = std::thread([this] { impl_->accept_until_stopped(); });
}

HttpServer::~HttpServer() {
  impl_->stopping = true;
  impl_->acceptor.join();
  for (std::thread& connection : impl_->connections) connection.join();
}

std::string HttpServer::url() const { return fmt::format("http://127.0.0.1:{}", impl_->port); }

std::vector<HttpQuery> HttpServer::queries() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->queries;
}

HttpReply file_reply(const HttpQuery& query, const ServedFile& file) {
  HttpReply reply;
  if (!file.etag.empty()) reply.headers.emplace_back("ETag", file.etag);
  if (!file.last_modified.empty()) reply.headers.emplace_back("Last-Modified", file.last_modified);
  const std::string range = query.header("range"), if_range = query.header("if-range");
  const bool same = if_range.empty() || if_range == file.etag || if_range == file.last_modified;
  if (!file.ranges || range.empty() || !same) {
    reply.body = file.bytes;
    return reply;
  }
  const auto first = static_cast<std::size_t>(std::stoll(range.substr(sizeof("bytes=") - 1)));
  const std::size_t total = file.bytes.size();
  if (first >= total) {
    reply.status = 416;
    reply.headers.emplace_back("Content-Range", fmt::format("bytes */{}", total));
    return reply;
  }
  reply.status = 206;
  reply.headers.emplace_back("Content-Range",
                             fmt::format("bytes {}-{}/{}", first, total - 1, total));
  reply.body = file.bytes.substr(first);
  return reply;
}

}  // namespace lamina::test
