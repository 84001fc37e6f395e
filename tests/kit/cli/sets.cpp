#include "kit/cli/sets.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <new>
#include <set>
#include <thread>

namespace kit::cli {

namespace {

constexpr const char* kBlanks = " \t\r";

std::string numbered(std::uint64_t number) {
  std::string digits = std::to_string(number);
  return std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
}

bool is_file_name(const std::string& name) {
  return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos;
}

// No exception may leave a thread.
std::string make_one(const Entry& entry, const std::string& folder, const MakeOptions& options) {
  try {
    return make(entry.line, folder + "/" + entry.name + ".safetensors", options);
  } catch (const std::bad_alloc&) {
    return "does not fit into memory";
  }
}

// On a terminal one line that is written over; elsewhere nothing but the summary.
class Progress {
 public:
  explicit Progress(std::size_t total) : total_(total), terminal_(::isatty(STDERR_FILENO) == 1) {}

  void step() {
    const std::lock_guard lock(mutex_);
    ++done_;
    const double seconds = elapsed();
    if (!terminal_ || (done_ < total_ && seconds - shown_ < 0.2)) return;
    shown_ = seconds;
    const double left = seconds / static_cast<double>(done_) * static_cast<double>(total_ - done_);
    const auto filled = static_cast<int>(30 * done_ / total_);
    std::fprintf(stderr, "\r[%-30.*s] %zu of %zu, %.0f s left ", filled, "##############################", done_,
                 total_, left);
    if (done_ == total_) std::fputs("\r\033[K", stderr);
  }
  double elapsed() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::size_t total_, done_ = 0;
  bool terminal_;
  double shown_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
};

}  // namespace

std::string read_lines(const std::string& path, std::vector<Entry>& entries) {
  std::ifstream file(path);
  if (!file) return path + ": cannot be read";
  std::set<std::string> names;
  std::string text;
  for (std::uint64_t number = 1; std::getline(file, text); ++number) {
    text.resize(std::min(text.find('#'), text.size()));
    const std::size_t first = text.find_first_not_of(kBlanks);
    if (first == std::string::npos) continue;
    text = text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
    const std::size_t colon = text.find(": ");
    const bool named = colon != std::string::npos;
    const std::string name = named ? text.substr(0, colon) : numbered(number);
    const std::string place = path + ": line " + std::to_string(number) + ": '" + name + "' ";
    if (!is_file_name(name)) return place + "is no file name";
    if (!names.insert(name).second) return place + "is there twice";
    entries.push_back({name, named ? text.substr(colon + 2) : text});
  }
  if (entries.empty()) return path + ": has no case line";
  return {};
}

std::string draw_lines(const std::string& op, std::uint64_t seed, std::uint64_t count, std::vector<Entry>& entries) {
  constexpr const char* kOps[] = {"fwd", "bwd", "prompt", "incre"};
  for (std::uint64_t number = 0; number < count; ++number) {
    const std::string chosen = op == "all" ? kOps[number % 4] : op;
    std::string error;
    const std::string line = draw_line(chosen, seed, number, error);
    if (!error.empty()) return error;
    entries.push_back({chosen + "_" + numbered(number), line});
  }
  return {};
}

std::string make_all(const std::vector<Entry>& entries, const std::string& folder, const MakeOptions& options) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) return folder + ": " + problem.message();
  Progress progress(entries.size());
  std::atomic<std::size_t> next{0};
  std::string first_error;
  std::mutex mutex;
  const auto work = [&] {
    for (std::size_t at = next++; at < entries.size(); at = next++) {
      const std::string error = make_one(entries[at], folder, options);
      if (!error.empty()) {
        const std::lock_guard lock(mutex);
        if (first_error.empty()) first_error = entries[at].name + ": " + error;
        next = entries.size();
      }
      progress.step();
    }
  };
  std::vector<std::thread> workers;
  for (unsigned i = 1; i < std::max(1U, std::thread::hardware_concurrency()); ++i) workers.emplace_back(work);
  work();
  for (std::thread& worker : workers) worker.join();
  if (first_error.empty())
    std::fprintf(stderr, "%zu bundles in %s, %.1f s\n", entries.size(), folder.c_str(), progress.elapsed());
  return first_error;
}

}  // namespace kit::cli
