// The rows of summary.cpp, and how they are printed.
#pragma once

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "../bench/support/unfused_eigen.hpp"

struct Row {
  std::string name{}, type{}, shape{}, mask{};
  double seconds = 0, rate = 0;  // of one call; FLOP/s or bytes/s
  double share = 0;              // of the ceiling measured in the same rounds
  bool decode = false;           // rate and share are of bytes read
  double error = 0;              // largest, in units of the error contract
  double unfused_seconds = 0;
};

inline constexpr double kAllowedError = 16;

// What the machine can do: one thread's multiply-adds, and bytes read from more memory than caches hold.
struct Ceiling {
  const char* isa = "";
  double flops = 0, bytes = 0;  // per second
  int megabytes = 0;            // that decode reads in turn
};

inline void print_table(const std::vector<Row>& rows, const Ceiling& ceiling) {
  const char* const best = unfused::instruction_sets();  // the widest comes first
  std::printf("glint on %s, one thread, CPU time.  The ceiling: %.0f GFLOP/s of multiply-adds, %.0f GB/s read.\n\n",
              ceiling.isa, 1e-9 * ceiling.flops, 1e-9 * ceiling.bytes);
  std::printf("%-21s %-5s %-25s %-7s %9s %12s %16s %7s %9s\n", "operator", "type", "shape (N query/kv heads)", "mask",
              "time", "rate", "share of ceiling", "error*", "vs Eigen*");
  for (const Row& row : rows) {
    std::printf("%-21s %-5s %-25s %-7s %6.2f ms %5.0f %-6s %6.0f %% %-7s %7.2f %8.1fx\n", row.name.c_str(),
                row.type.c_str(), row.shape.c_str(), row.mask.c_str(), 1e3 * row.seconds, 1e-9 * row.rate,
                row.decode ? "GB/s" : "GFLOP/s", 100 * row.share, row.decode ? "of read" : "of FMA", row.error,
                row.unfused_seconds / row.seconds);
  }
  std::printf(
      "\n* error: the largest of sampled rows against the float64 oracle, in units of the contract, which allows "
      "%.0f.\n"
      "  vs Eigen: float GEMM, softmax, GEMM, the whole score matrix in memory; Eigen compiled for %.*s.\n"
      "  GFLOP: 4 D for each visible pair of query and key.  Decode reads from %d MB of caches in turn.\n",
      kAllowedError, static_cast<int>(std::strcspn(best, ",")), best, ceiling.megabytes);
}

inline bool write_json(const char* path, const std::vector<Row>& rows, const Ceiling& ceiling) {
  std::FILE* const file = std::fopen(path, "w");
  if (file == nullptr) return false;
  std::fprintf(file,
               "{\n  \"isa\": \"%s\",\n  \"threads\": 1,\n  \"fma_flops_per_second\": %.4g,\n  "
               "\"read_bytes_per_second\": %.4g,\n"
               "  \"eigen\": \"%s\",\n  \"rows\": [",
               ceiling.isa, ceiling.flops, ceiling.bytes, unfused::instruction_sets());
  const char* separator = "\n";
  for (const Row& row : rows) {
    std::fprintf(
        file,
        "%s    {\"operator\": \"%s\", \"type\": \"%s\", \"shape\": \"%s\", \"mask\": \"%s\", \"seconds\": %.4g, "
        "\"%s_per_second\": %.4g, \"share_of_%s\": %.4g, \"error\": %.4g, \"unfused_eigen_seconds\": %.4g}",
        separator, row.name.c_str(), row.type.c_str(), row.shape.c_str(), row.mask.c_str(), row.seconds,
        row.decode ? "bytes" : "flops", row.rate, row.decode ? "read" : "fma", row.share, row.error,
        row.unfused_seconds);
    separator = ",\n";
  }
  std::fprintf(file, "\n  ]\n}\n");
  return std::fclose(file) == 0;
}
