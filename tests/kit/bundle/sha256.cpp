// The hash that says whether a bundle's tensors are those it was made with.
#include <openssl/evp.h>

#include <memory>

#include "kit/bundle/types.hpp"

namespace kit {

namespace {

struct Free {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

std::string in_hexadecimal(const unsigned char* bytes, unsigned count) {
  constexpr const char* digits = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < count; ++i) {
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

std::string title_of(const std::string& name, const Tensor& tensor) {
  std::string shape;
  for (const index_t extent : tensor.shape) shape += (shape.empty() ? "" : ",") + std::to_string(extent);
  return name + " " + std::string(name_of(tensor.type)) + " " + shape + "\n";
}

}  // namespace

std::string sha256_of(const Bundle& bundle) {
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  bool good = context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  const auto add = [&](const void* bytes, std::size_t count) {
    good = good && EVP_DigestUpdate(context.get(), bytes, count) == 1;
  };
  for (const auto& [name, tensor] : bundle.tensors) {
    const std::string title = title_of(name, tensor);
    add(title.data(), title.size());
    add(tensor.bytes.data(), tensor.bytes.size());
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned count = 0;
  good = good && EVP_DigestFinal_ex(context.get(), digest, &count) == 1;
  return good ? in_hexadecimal(digest, count) : "";
}

std::string verify(const Bundle& bundle) {
  const auto note = bundle.notes.find("sha256");
  if (note == bundle.notes.end()) return "the bundle has no note 'sha256'";
  const std::string got = sha256_of(bundle);
  if (got == note->second) return {};
  return "the tensors are not those of the note 'sha256': got " + got + ", want " + in_quotes(note->second);
}

}  // namespace kit
