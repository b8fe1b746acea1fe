#include "core/mapped_file.h"
#include "serialization/zip_reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/repair.h"

using namespace lamina;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, data + size);
  fuzz::repair_zip(bytes);
  fuzz::attempt([&] {
    const serialization::ZipReader zip(MappedFile::open(fuzz::input_file(bytes)));
    for (const serialization::ZipEntry& entry : zip.entries()) {
      fuzz::expect(zip.find(entry.name) == &entry, "an entry is found by its name");
      fuzz::attempt([&] {
        const auto content = zip.read(entry);
        fuzz::expect(static_cast<std::int64_t>(content.bytes.size()) == entry.size,
                     "an entry has the size that the directory states");
      });
    }
  });
  return 0;
}
