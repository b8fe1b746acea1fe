// The zip kind of PyTorch's files: a pickle of what the tensors are, and their bytes beside it.
#include <lamina/serialization/pth.h>

#include "serialization/checksum.h"
#include "serialization/pth/element_type.h"
#include "serialization/pth/pickle_writer.h"
#include "serialization/steps.h"
#include "serialization/tensor_record.h"
#include "serialization/zip_writer.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace lamina::serialization {
namespace {

// Tensors may then be mapped by torch.load(mmap=True), and used by vector instructions as they lie.
constexpr std::int64_t kStorageAlignment = 64;

// Which storage holds each tensor: one for all tensors on the same bytes.
struct Storages {
  std::vector<const Tensor*> sources;  // one a storage, in file order
  std::vector<std::size_t> of_tensor;  // index into sources
  std::int64_t nbytes = 0;

  explicit Storages(const StateDict& tensors) {
    std::map<std::tuple<const void*, std::int64_t, DType>, std::size_t> known;
    for (const auto& [name, tensor] : tensors) {
      std::size_t index = sources.size();
      // A strided view is stored as a contiguous copy, which nothing else can share.
      if (tensor.is_contiguous() && tensor.numel() > 0) {
        index = known.try_emplace({tensor.raw_data(), tensor.nbytes(), tensor.dtype()}, index)
                    .first->second;
      }
      of_tensor.push_back(index);
      if (index < sources.size()) continue;
      sources.push_back(&tensor);
      nbytes += tensor.nbytes();
    }
  }
};

std::vector<std::int64_t> contiguous_strides(const Shape& shape) {
  std::vector<std::int64_t> strides(static_cast<std::size_t>(shape.rank()));
  std::int64_t stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= std::max<std::int64_t>(shape[axis], 1);
  }
  return strides;
}

void pickle_ordered_dict(PickleWriter& pickle) {
  pickle.global("collections", "OrderedDict");
  pickle.tuple({});
  pickle.reduce();
}

// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad=False, backward_hooks)
void pickle_tensor(PickleWriter& pickle, const Tensor& tensor, std::size_t storage) {
  pickle.global("torch._utils", "_rebuild_tensor_v2");
  pickle.mark();
  pickle.mark();
  pickle.text("storage");
  pickle.global("torch", fmt::format("{}Storage", element_type_of(tensor.dtype()).storage));
  pickle.text(std::to_string(storage));
  pickle.text("cpu");
  pickle.integer(tensor.numel());
  pickle.end_tuple();
  pickle.persistent_id();
  pickle.integer(0);
  pickle.tuple(tensor.shape().sizes());
  pickle.tuple(contiguous_strides(tensor.shape()));
  pickle.boolean(false);
  pickle_ordered_dict(pickle);
  pickle.end_tuple();
  pickle.reduce();
}

std::string pickled(const StateDict& tensors, const Storages& storages) {
  PickleWriter pickle;
  pickle_ordered_dict(pickle);
  pickle.mark();
  std::size_t index = 0;
  for (const auto& [name, tensor] : tensors) {
    pickle.text(name);
    pickle_tensor(pickle, tensor, storages.of_tensor[index++]);
  }
  pickle.end_items();
  return pickle.finish();
}

// The members of the archive under their top folder, which PyTorch calls as the file is called.
class Archive {
 public:
  explicit Archive(const std::filesystem::path& path) : zip_(path), folder_(folder_for(path)) {}

  void add(std::string_view member, std::span<const std::byte> bytes, SaveProgress* progress) {
    const std::string name = fmt::format("{}/{}", folder_, member);
    zip_.begin(name, static_cast<std::int64_t>(bytes.size()), kStorageAlignment);
    in_steps(bytes, [&](std::span<const std::byte> step) {
      zip_.write(step);
      if (progress != nullptr) progress->advance(step);
    });
    const std::uint32_t crc = zip_.end();
    names_.update(as_bytes(name));
    contents_.update(std::as_bytes(std::span(&crc, 1)));
  }
  void add(std::string_view member, std::string_view text) { add(member, as_bytes(text), nullptr); }

  /// Forty digits that follow from the names and the contents, as PyTorch's do.
  std::string id() const {
    return fmt::format("{:020d}{:020d}", names_.value(), contents_.value());
  }

  void commit() { zip_.commit(); }

 private:
  static std::string folder_for(const std::filesystem::path& path) {
    std::string stem = path.stem().string();
    const bool ascii =
        std::ranges::all_of(stem, [](char c) { return static_cast<signed char>(c) > 0; });
    return ascii && !stem.empty() ? stem : "archive";
  }

  ZipWriter zip_;
  std::string folder_;
  Checksum names_, contents_;
};

}  // namespace

void save_pth(const StateDict& tensors, const std::filesystem::path& path,
              const SaveOptions& options) {
  check_writable(tensors);
  check_target(path, options);
  const Storages storages(tensors);
  SaveProgress progress(options.progress, storages.nbytes);
  Archive archive(path);
  archive.add("data.pkl", pickled(tensors, storages));
  archive.add(".format_version", "1");
  archive.add(".storage_alignment", std::to_string(kStorageAlignment));
  archive.add("byteorder", "little");
  for (std::size_t i = 0; i < storages.sources.size(); ++i) {
    const Tensor source = storages.sources[i]->contiguous();
    archive.add(fmt::format("data/{}", i), bytes_of(source), &progress);
  }
  archive.add("version", "3\n");
  archive.add(".data/serialization_id", archive.id());
  archive.commit();
}

}  // namespace lamina::serialization
