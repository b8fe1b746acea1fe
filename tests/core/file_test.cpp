// Mapping files, and writing them so that no crash leaves half of one.
#include <lamina/core/error.h>

#include "core/atomic_file.h"
#include "core/mapped_file.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/stat.h>
#include <unistd.h>

using namespace lamina;
using namespace lamina::test;
namespace fs = std::filesystem;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

void write_atomically(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(bytes_of(text));
  file.commit();
}

std::ptrdiff_t count_entries(const TemporaryFolder& folder) {
  return std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator());
}

unsigned mode_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777u;
}

}  // namespace

TEST_CASE("mapped_file: shows the bytes of the file", "[core][file]") {
  const TemporaryFolder folder;
  write_text(folder / "a", "some bytes");
  const auto file = MappedFile::open(folder / "a");
  file->will_need();
  CHECK(text_of(*file) == "some bytes");
  CHECK(file->path() == folder / "a");
}

TEST_CASE("mapped_file: an empty file has no bytes", "[core][file]") {
  const TemporaryFolder folder;
  write_text(folder / "empty", "");
  const auto file = MappedFile::open(folder / "empty");
  file->will_need();
  CHECK(file->bytes().empty());
}

TEST_CASE("mapped_file: what cannot be mapped is an error that names it", "[core][file]") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(MappedFile::open(folder / "missing"),
                    Catch::Contains("No such file") && Catch::Contains("missing"));
  CHECK_THROWS_AS(MappedFile::open(folder / "missing"), IoError);
  CHECK_THROWS_WITH(MappedFile::open(folder.path()), Catch::Contains("not a regular file"));
  CHECK_THROWS_WITH(MappedFile::open("/dev/null"), Catch::Contains("not a regular file"));
}

TEST_CASE("mapped_file: a named pipe is refused at once, not waited for", "[core][file]") {
  const TemporaryFolder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_AS(MappedFile::open(folder / "pipe"), IoError);
}

TEST_CASE("mapped_file: replacing the file leaves the mapping as it was", "[core][file]") {
  const TemporaryFolder folder;
  write_text(folder / "a", "old");
  const auto file = MappedFile::open(folder / "a");
  write_atomically(folder / "a", "new and longer");
  CHECK(text_of(*file) == "old");
  CHECK(text_of(*MappedFile::open(folder / "a")) == "new and longer");
}

TEST_CASE("atomic_file: commit shows the whole file under its name", "[core][file]") {
  const TemporaryFolder folder;
  AtomicFile file(folder / "out");
  file.write(bytes_of("abc"));
  CHECK(file.position() == 3);
  file.pad_to(8);
  CHECK(file.position() == 8);
  file.pad_to(8);
  CHECK(file.position() == 8);
  file.write(bytes_of("tail"));
  file.write_at(1, bytes_of("XY"));
  CHECK(file.position() == 12);
  CHECK_FALSE(fs::exists(folder / "out"));
  file.commit();
  CHECK(read_text(folder / "out") == std::string("aXY\0\0\0\0\0tail", 12));
  CHECK(count_entries(folder) == 1);
}

TEST_CASE("atomic_file: padding may be longer than a page", "[core][file]") {
  const TemporaryFolder folder;
  AtomicFile file(folder / "out");
  file.write(bytes_of("x"));
  file.pad_to(10'000);
  file.commit();
  const std::string text = read_text(folder / "out");
  CHECK(text.size() == 10'000);
  CHECK(std::count(text.begin(), text.end(), '\0') == 9'999);
}

TEST_CASE("atomic_file: without commit the old file stays and nothing is left behind",
          "[core][file]") {
  const TemporaryFolder folder;
  write_text(folder / "out", "old");
  {
    AtomicFile file(folder / "out");
    file.write(bytes_of("half of the n"));
    CHECK(read_text(folder / "out") == "old");
  }
  CHECK(read_text(folder / "out") == "old");
  CHECK(count_entries(folder) == 1);
}

TEST_CASE("atomic_file: two writers of one target do not mix", "[core][file]") {
  const TemporaryFolder folder;
  AtomicFile first(folder / "out");
  AtomicFile second(folder / "out");
  first.write(bytes_of("first"));
  second.write(bytes_of("second"));
  second.commit();
  CHECK(read_text(folder / "out") == "second");
  first.commit();
  CHECK(read_text(folder / "out") == "first");
}

TEST_CASE("atomic_file: what a killed writer left goes with the next write of that target",
          "[core][file]") {
  const TemporaryFolder folder;
  for (const char* name : {"out.1.0.tmp", "out.99.7.tmp", "out.1.tmp", "out.x.0.tmp", "out.tmp",
                           "other.1.0.tmp", "out.1.0.tmp.bak"}) {
    write_text(folder / name, "left");
  }
  AtomicFile living(folder / "out");
  write_atomically(folder / "out", "new");
  CHECK_FALSE(fs::exists(folder / "out.1.0.tmp"));
  CHECK_FALSE(fs::exists(folder / "out.99.7.tmp"));
  CHECK(count_entries(folder) == 1 + 1 + 5);  // out, the living writer's, those of other names
  living.write(bytes_of("later"));
  living.commit();
  CHECK(read_text(folder / "out") == "later");
}

TEST_CASE("atomic_file: keeps the permissions of the file it replaces", "[core][file]") {
  const TemporaryFolder folder;
  write_text(folder / "out", "old");
  REQUIRE(::chmod((folder / "out").c_str(), 0640) == 0);
  write_atomically(folder / "out", "new");
  CHECK(mode_of(folder / "out") == 0640);
}

TEST_CASE("atomic_file: a new file gets what the umask says", "[core][file]") {
  const TemporaryFolder folder;
  const mode_t before = ::umask(027);
  write_atomically(folder / "out", "new");
  ::umask(before);
  CHECK(mode_of(folder / "out") == 0640);
}

TEST_CASE("atomic_file: a symbolic link stays, and the file it names is written", "[core][file]") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "store");
  write_text(folder / "store/real", "old");
  fs::create_symlink("store/real", folder / "link");
  fs::create_symlink("link", folder / "link-to-link");
  write_atomically(folder / "link-to-link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(fs::is_symlink(folder / "link-to-link"));
  CHECK(read_text(folder / "store/real") == "new");
}

TEST_CASE("atomic_file: a dangling link's file is made where the link says", "[core][file]") {
  const TemporaryFolder folder;
  fs::create_symlink("later", folder / "link");
  write_atomically(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read_text(folder / "later") == "new");
}

TEST_CASE("atomic_file: a folder that is missing or is the target itself is an error",
          "[core][file]") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(AtomicFile(folder / "no/out"), Catch::Contains("No such file"));
  CHECK_THROWS_WITH(AtomicFile(folder.path()), Catch::Contains("Is a directory"));
  CHECK_THROWS_AS(AtomicFile(folder / "no/out"), IoError);
}

TEST_CASE("atomic_file: names as long as names may be can be written", "[core][file]") {
  const TemporaryFolder folder;
  const std::string name(255, 'n');
  write_atomically(folder / name, "new");
  CHECK(read_text(folder / name) == "new");
}

TEST_CASE("atomic_file: a full disk is an error", "[core][file]") {
  AtomicFile file("/dev/full");
  CHECK_THROWS_WITH(file.write(bytes_of("x")), Catch::Contains("No space left"));
}

TEST_CASE("atomic_file: a device stays a device", "[core][file]") {
  write_atomically("/dev/null", "gone");
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("atomic_file: a pipe gets the bytes in order, and has no way back", "[core][file]") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  {
    AtomicFile file("/proc/self/fd/" + std::to_string(ends[1]));
    file.write(bytes_of("through "));
    file.write(bytes_of("the pipe"));
    CHECK_THROWS_AS(file.write_at(0, bytes_of("no")), IoError);
    file.commit();
  }
  char text[32] = {};
  CHECK(::read(ends[0], text, sizeof(text)) == 16);
  CHECK(std::string_view(text) == "through the pipe");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("atomic_file: when the target becomes a folder, commit fails and cleans up",
          "[core][file]") {
  const TemporaryFolder folder;
  {
    AtomicFile file(folder / "out");
    file.write(bytes_of("new"));
    fs::create_directory(folder / "out");
    CHECK_THROWS_AS(file.commit(), IoError);
  }
  CHECK(count_entries(folder) == 1);
}
