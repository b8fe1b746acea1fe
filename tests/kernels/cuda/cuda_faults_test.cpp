// Whether the kernel cases would notice: every barrier, wait, commit and bounds check in every
// kernel is broken, one at a time, and each time a case that goes through it must fail.
#include "kernels/cuda/emulator/faults.h"
#include "tests/kernels/cuda/cases.h"

#include <lamina/core/error.h>

#include <catch2/catch.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

namespace lamina::kernels::cuda {
namespace {

using emulator::Site;

// A fault may make a kernel run for ever.
constexpr std::int64_t kMostSteps = 3'000'000;

std::vector<KernelCase> all_cases() {
  std::vector<KernelCase> all;
  for (auto* family : {classify_cases, preprocess_cases, pool2d_cases, pointwise_cases,
                       conv2d_cases, conv2d_wgmma_cases, overlap_cases}) {
    for (KernelCase& each : family()) all.push_back(std::move(each));
  }
  return all;
}

bool passes(const KernelCase& each) {
  try {
    return each.run().empty();
  } catch (const Error&) {
    return false;
  }
}

// "kernels/cuda/convert.cu:42", however the compiler was given the file.
std::string place_of(const Site& site) {
  const std::size_t at = site.file.rfind("kernels/cuda/");
  return site.file.substr(at) + ":" + std::to_string(site.line);
}

struct Reached {
  std::vector<const KernelCase*> by;
  bool caught = false;
};

std::map<Site, Reached> run_and_watch(const std::vector<KernelCase>& cases) {
  std::map<Site, Reached> sites;
  for (const KernelCase& each : cases) {
    emulator::watch_sites();
    INFO(each.name);
    REQUIRE(passes(each));
    for (const Site& site : emulator::sites_reached()) sites[site].by.push_back(&each);
  }
  return sites;
}

// Places in the sources that are sites: what a kernel has of them must be reached by some case.
std::set<std::string> places_in_sources() {
  const std::regex site(
      R"(\bin_bounds\(|\b__syncthreads\(|\b__syncwarp\(|\bcluster_sync\(|)"
      R"(\bcp_async_wait<|\bcp_async_commit\(|)"
      R"(\bmbarrier_(fence_init|arrive|arrive_expect|arrive_at|wait)\(|\bnamed_barrier\(|)"
      R"(\bstore_box_(commit\(|wait<)|\bfence_proxy_async\(|\bwgmma_(fence\(|commit\(|wait<)|)"
      R"(\bwait_for_kernel_before\()");
  std::set<std::string> places;
  const std::filesystem::path folder = LAMINA_CUDA_SOURCES;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).generic_string();
    const bool has_kernels = name.ends_with(".cu") || name.ends_with(".cuh");
    // These give the sites their meaning.
    if (!has_kernels || name == "language.cuh" || name.starts_with("ptx/")) continue;
    std::ifstream file(entry.path());
    int number = 0;
    for (std::string line; std::getline(file, line);) {
      ++number;
      const std::string code = line.substr(0, line.find("//"));
      if (std::regex_search(code, site))
        places.insert("kernels/cuda/" + name + ":" + std::to_string(number));
    }
  }
  return places;
}

}  // namespace

TEST_CASE("cuda faults: every barrier, wait, commit and bound is needed, and a case says so",
          "[cuda]") {
  const std::vector<KernelCase> cases = all_cases();
  std::map<Site, Reached> sites = run_and_watch(cases);
  std::set<std::string> reached;
  for (const auto& [site, by] : sites) reached.insert(place_of(site));
  for (const std::string& place : places_in_sources()) {
    INFO(place << " is never reached, or its condition never false");
    CHECK(reached.contains(place));
  }

  emulator::limit_steps(kMostSteps);
  std::map<std::string, int> caught;
  for (auto& [site, by] : sites) {
    emulator::plant_fault(site);
    for (const KernelCase* each : by.by) {
      by.caught = !passes(*each);
      if (by.caught) break;
    }
    emulator::heal();
    INFO(place_of(site) << ", " << to_string(site.kind) << ": broken, and nothing fails");
    CHECK(by.caught);
    caught[to_string(site.kind)] += by.caught;
  }
  emulator::limit_steps(0);
  for (const auto& [kind, count] : caught)
    std::printf("%d of kind %s caught\n", count, kind.c_str());
  std::printf("%zu faults planted\n", sites.size());
}

}  // namespace lamina::kernels::cuda
