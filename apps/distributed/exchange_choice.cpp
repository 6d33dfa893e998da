#include "apps/distributed/exchange_choice.h"

#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/distributed/host_exchange.h"
#include "apps/distributed/nccl_exchange.h"
#include "tensor/cuda/cuda_backend.h"
#include "tensor/vendor/nccl_api.h"

namespace primal {
namespace {

struct FactsOfRank {
  std::string device, bus, nccl_problem;
  bool is_cuda;
  int nccl_version;
};

std::string to_text(const ExchangeFacts& facts) {
  return nlohmann::json{{"device", facts.device.str()},
                        {"is_cuda", facts.device.kind == Device::Kind::cuda},
                        {"bus", facts.bus},
                        {"nccl_version", facts.nccl_version},
                        {"nccl_problem", facts.nccl_problem}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<FactsOfRank> gather(Communicator& ranks, const ExchangeFacts& own) {
  std::vector<FactsOfRank> all;
  for (const std::string& text : ranks.all_gather_text(to_text(own))) {
    const nlohmann::json facts = nlohmann::json::parse(text);
    all.push_back({facts.at("device"), facts.at("bus"), facts.at("nccl_problem"), facts.at("is_cuda"),
                   facts.at("nccl_version")});
  }
  return all;
}

// The reason why NCCL cannot join the devices of these ranks; empty if it can.
std::string obstacle(const Communicator& ranks, const std::vector<FactsOfRank>& all) {
  std::map<std::string, int> users;  // the rank that uses a device, by host and bus
  for (int r = 0; r < ranks.size(); ++r) {
    const FactsOfRank& own = all[static_cast<size_t>(r)];
    if (!own.is_cuda)
      return fmt::format("{} computes on {}, and NCCL is for CUDA devices", ranks.name_of(r), own.device);
    if (!own.nccl_problem.empty())
      return fmt::format("{} cannot use NCCL: {}", ranks.name_of(r), own.nccl_problem);
    const std::string host = ranks.hosts().empty() ? "" : ranks.hosts()[static_cast<size_t>(r)];
    const auto [first, is_new] = users.emplace(host + " " + own.bus, r);
    if (!is_new)
      return fmt::format("{} and {} share a device ({})", ranks.name_of(first->second), ranks.name_of(r),
                         own.bus);
    if (own.nccl_version != all.front().nccl_version)
      return fmt::format("{} has NCCL {}, but {} has NCCL {}", ranks.name_of(0),
                         cuda::nccl_version_text(all.front().nccl_version), ranks.name_of(r),
                         cuda::nccl_version_text(own.nccl_version));
  }
  return {};
}

}  // namespace

ExchangeFacts exchange_facts(Device device) {
  ExchangeFacts facts{device, {}, 0, {}};
  if (device.kind != Device::Kind::cuda) return facts;
  facts.bus = cuda::bus_id(device.index);
  const VendorApi<cuda::NcclApi>& library = cuda::nccl_library();
  facts.nccl_problem = library.problem();
  if (library.usable()) facts.nccl_version = cuda::nccl_version(library.functions());
  return facts;
}

ExchangeChoice choose_exchange(Communicator& ranks, const std::string& setting, const ExchangeFacts& own) {
  constexpr const char* kHost = "gradients pass through the memory of the host";
  const std::vector<FactsOfRank> all = gather(ranks, own);
  if (setting == "host") return {false, fmt::format("{}: --exchange host", kHost)};
  const std::string problem = obstacle(ranks, all);
  if (problem.empty())
    return {true, fmt::format("gradients are added on the devices by NCCL {}",
                              cuda::nccl_version_text(all.front().nccl_version))};
  if (setting == "nccl")
    throw ConfigError("[ranks] --exchange nccl is not possible: {}; choose --exchange auto or host", problem);
  return {false, fmt::format("{}: {}", kHost, problem)};
}

MakeExchange exchange_of(const ExchangeChoice& choice, Device device) {
  if (!choice.nccl) return through_host;
  return over_nccl(cuda::nccl_library().functions(), device, rank_sum_kernels_on(device));
}

}  // namespace primal
