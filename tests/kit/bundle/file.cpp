// POSIX files behind file.hpp.
#include "kit/bundle/file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kit {

namespace {

// Linux moves at most about 2 GiB in one call.
constexpr std::size_t kMostPerCall = std::size_t{1} << 30;

std::string failure(const std::string& path, int error) { return path + ": " + std::strerror(error); }

}  // namespace

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string InputFile::open(const std::string& path) {
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) return failure(path, errno);
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) return failure(path, errno);
  if (S_ISDIR(status.st_mode)) return path + ": is a directory, want a file";
  if (!S_ISREG(status.st_mode)) return path + ": is no regular file";
  size_ = static_cast<std::size_t>(status.st_size);
  return {};
}

std::string InputFile::read(std::byte* to, std::size_t count) {
  while (count > 0) {
    const ssize_t got = ::read(descriptor_, to, std::min(count, kMostPerCall));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::string("cannot be read: ") + std::strerror(errno);
    if (got == 0) return "ended while it was read";
    to += got;
    count -= static_cast<std::size_t>(got);
  }
  return {};
}

OutputFile::~OutputFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(draft_.c_str());
}

std::string OutputFile::open(const std::string& path) {
  path_ = path;
  draft_ = path + ".part" + std::to_string(::getpid());
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) return path + ": exists and is no regular file";
  descriptor_ = ::open(draft_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
  return descriptor_ < 0 ? failure(path, errno) : "";
}

void OutputFile::write(const void* from, std::size_t count) {
  const auto* bytes = static_cast<const std::byte*>(from);
  while (count > 0 && error_ == 0) {
    const ssize_t put = ::write(descriptor_, bytes, std::min(count, kMostPerCall));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      error_ = errno;
      return;
    }
    bytes += put;
    count -= static_cast<std::size_t>(put);
  }
}

std::string OutputFile::close() {
  if (::close(descriptor_) != 0 && error_ == 0) error_ = errno;
  descriptor_ = -1;
  if (error_ == 0 && std::rename(draft_.c_str(), path_.c_str()) == 0) return {};
  if (error_ == 0) error_ = errno;
  ::unlink(draft_.c_str());
  return failure(path_, error_);
}

}  // namespace kit
