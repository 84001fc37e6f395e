// The structs of glint.h as calls of the library: sizes, defaults and tensors.
#pragma once

#include <cstring>
#include <exception>
#include <new>
#include <span>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include "glint/dispatch/call.hpp"
#include "kit/c/glint.h"

namespace kit::c {

using glint::DType;
using glint::index_t;
using glint::OutputRef;
using glint::TensorRef;

inline glint_status failure(std::int32_t code, const char* rule, std::int64_t got = 0, std::int64_t want = 0) {
  return {code, 0, rule, got, want};
}
inline glint_status status_of(const glint::Status& s) {
  return failure(static_cast<int>(s.code), s.rule, s.got, s.want);
}
inline const glint_status kOk = failure(GLINT_OK, "");

inline DType dtype_of(std::int32_t type) {
  switch (type) {
    case GLINT_TYPE_F32: return DType::f32;
    case GLINT_TYPE_F16: return DType::f16;
    case GLINT_TYPE_BF16: return DType::bf16;
    case GLINT_TYPE_BOOL: return DType::boolean;
    case GLINT_TYPE_I8: return DType::i8;
    case GLINT_TYPE_U8: return DType::u8;
    case GLINT_TYPE_I32: return DType::i32;
    case GLINT_TYPE_I64: return DType::i64;
    case GLINT_TYPE_U64: return DType::u64;
    case GLINT_TYPE_I4: return DType::i4;
    default: return DType::none;
  }
}

// Lists of tensors, which a library's call only points at.
struct TensorLists {
  std::vector<TensorRef> lists[2];
};

// A field of a C call becomes that of a library's call.  The first thing that is wrong stays in `status`.
struct ToLibrary {
  TensorLists& lists;
  glint_status& status;
  int next_list = 0;

  void blame(std::int32_t code, const char* rule, std::int64_t got, std::int64_t want) {
    if (status.code == GLINT_OK) status = failure(code, rule, got, want);
  }
  template <class Ref>
  void tensor(const glint_array& from, Ref& to) {
    if (from.rank < 0 || from.rank > 4) {
      return blame(static_cast<int>(glint::Code::rank_mismatch), "a tensor has 0 to 4 axes", from.rank, 4);
    }
    to.data = from.data;
    to.dtype = dtype_of(from.dtype);
    to.shape.rank = from.rank;
    for (int axis = 0; axis < from.rank; ++axis) to.shape.extent[axis] = from.shape[axis];
  }
  template <class Enum>
  void choose(std::int32_t from, Enum last, Enum& to) {
    const auto most = static_cast<std::int32_t>(last);
    if (from < 0 || from > most) return blame(GLINT_NO_VALUE, "a field has a value that its enum lacks", from, most);
    to = static_cast<Enum>(from);
  }
  template <class List>
  bool counts(const List& list) {
    if (list.count < 0 || (list.count > 0 && list.data == nullptr))
      blame(GLINT_NULL_LIST, "a list has a count but no data, or a negative count", list.count, 0);
    return status.code == GLINT_OK;
  }

  void operator()(const glint_array& from, TensorRef& to) { tensor(from, to); }
  void operator()(const glint_array& from, OutputRef& to) { tensor(from, to); }
  void operator()(const glint_numbers& from, std::span<const index_t>& to) {
    if (counts(from)) to = {from.data, static_cast<std::size_t>(from.count)};
  }
  void operator()(const glint_arrays& from, std::span<const TensorRef>& to) {
    if (!counts(from)) return;
    std::vector<TensorRef>& list = lists.lists[next_list++];
    list.resize(static_cast<std::size_t>(from.count));
    for (std::size_t i = 0; i < list.size(); ++i) tensor(from.data[i], list[i]);
    to = list;
  }
  void operator()(const char* from, std::string_view& to) { to = from == nullptr ? "" : from; }
  void operator()(std::int32_t from, bool& to) { to = from != 0; }
  void operator()(std::int32_t from, glint::PseForm& to) { choose(from, glint::PseForm::tnd_per_column, to); }
  void operator()(std::int32_t from, glint::Limits& to) { choose(from, glint::Limits::ascend, to); }
  template <class Number, class Same>
  void operator()(const Number& from, Same& to) {
    to = static_cast<Same>(from);
  }
};

// The other way, for what has a default.
struct Defaults {
  void operator()(glint_array&, const TensorRef&) const {}
  void operator()(glint_array&, const OutputRef&) const {}
  void operator()(glint_numbers&, const std::span<const index_t>&) const {}
  void operator()(glint_arrays&, const std::span<const TensorRef>&) const {}
  void operator()(const char*& to, const std::string_view& from) const { to = from.data(); }  // a literal
  template <class Number, class Same>
  void operator()(Number& to, const Same& from) const {
    to = static_cast<Number>(from);
  }
};

// Operator: one of operators.hpp.  The caller's header may know less than this one.
template <class Operator>
typename Operator::Call defaults() {
  typename Operator::Call call{};
  const typename Operator::Library library{};
  Operator::each_field(call, library, Defaults{});
  call.size = sizeof call;
  return call;
}

template <class Operator>
void init(typename Operator::Call* call, std::size_t size) {
  if (call == nullptr || size < sizeof call->size) return;
  typename Operator::Call full = defaults<Operator>();
  if (size < sizeof full) full.size = size;
  std::memcpy(call, &full, static_cast<std::size_t>(full.size));
}

inline glint_status size_status(std::uint64_t size, std::size_t known) {
  const bool right = size >= sizeof(std::uint64_t) && size % sizeof(std::uint64_t) == 0 && size <= known;
  if (right) return kOk;
  return failure(GLINT_CALL_SIZE, "the struct's size is none that this library knows: call its _init function",
                 static_cast<std::int64_t>(size), static_cast<std::int64_t>(known));
}

template <class Operator>
glint_status complete(const typename Operator::Call* given, typename Operator::Call& call) {
  if (given == nullptr) return failure(GLINT_NULL_CALL, "the call is null", 0, 1);
  const glint_status known = size_status(given->size, sizeof call);
  if (known.code != GLINT_OK) return known;
  call = defaults<Operator>();
  std::memcpy(&call, given, static_cast<std::size_t>(given->size));
  return kOk;
}

// A library's call that lives as long as this.
template <class Operator>
class Converted {
 public:
  explicit Converted(const typename Operator::Call* given) {
    typename Operator::Call call;
    status_ = complete<Operator>(given, call);
    if (status_.code == GLINT_OK) Operator::each_field(call, library_, ToLibrary{lists_, status_});
  }
  Converted(const Converted&) = delete;
  Converted& operator=(const Converted&) = delete;

  const glint_status& status() const { return status_; }
  const typename Operator::Library& library() const { return library_; }

 private:
  typename Operator::Library library_{};
  TensorLists lists_;
  glint_status status_ = kOk;
};

// body() -> glint_status, whose code is returned.  No exception leaves.
template <class Body>
std::int32_t guarded(glint_status* status, const Body& body) {
  glint_status result = kOk;
  try {
    result = body();
  } catch (const std::bad_alloc&) {
    result = failure(static_cast<int>(glint::Code::out_of_memory), "there is not enough memory");
  } catch (const std::system_error&) {
    result = failure(GLINT_FAILED, "the system started no more threads");
  } catch (...) {
    result = failure(GLINT_FAILED, "the library met something that it did not expect");
  }
  if (status != nullptr) *status = result;
  return result.code;
}

}  // namespace kit::c
