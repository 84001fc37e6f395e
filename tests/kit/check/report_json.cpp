// A report for programs.  Keys are stable; numbers that JSON has not are the strings "NaN", "Infinity", "-Infinity".
#include <nlohmann/json.hpp>

#include <cmath>

#include "kit/check/check.hpp"

namespace kit {

namespace {

using nlohmann::ordered_json;

ordered_json number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

ordered_json place(const Place& at) { return {{"flat", at.flat}, {"b", at.b}, {"n", at.n}, {"i", at.i}, {"d", at.d}}; }

ordered_json histogram(const OutputReport& output) {
  constexpr const char* kKeys[] = {"2", "4", "16", "256", "65536", "4294967296", "finite", "infinite"};
  ordered_json slots = ordered_json::object();
  for (std::size_t slot = 0; slot < output.histogram.size(); ++slot) slots[kKeys[slot]] = output.histogram[slot];
  return slots;
}

ordered_json output_object(const OutputReport& output) {
  ordered_json object = {{"name", output.name},       {"pass", output.pass()},
                         {"error", output.error},     {"elements", output.elements},
                         {"failing", output.failing}, {"unwritten", output.unwritten},
                         {"rows", output.rows},       {"failing_rows", output.failing_rows}};
  object["largest"] = number(output.largest);
  object["worst"] = place(output.worst);
  object["got"] = number(output.got);
  object["want"] = number(output.want);
  object["tolerance"] = number(output.tolerance);
  object["first"] = output.failing > 0 ? place(output.first) : ordered_json();
  object["first_tile"] = output.first_tile;
  object["where"] = output.where;
  object["elements_where"] = output.elements_where;
  object["unwritten_where"] = output.unwritten_where;
  object["may_leak"] = output.may_leak;
  object["histogram"] = histogram(output);
  object["max_abs"] = number(output.max_abs);
  object["nmse"] = number(output.nmse);
  object["cosine"] = number(output.cosine);
  object["note"] = output.note;
  return object;
}

}  // namespace

std::string json(const Report& report) {
  ordered_json object = {{"pass", report.pass}, {"error", report.error}, {"case", report.line}};
  object["contract"] = report.contract;
  object["tile"] = {{"rows", report.tile.rows}, {"columns", report.tile.columns}};
  object["outputs"] = ordered_json::array();
  for (const OutputReport& output : report.outputs) object["outputs"].push_back(output_object(output));
  object["hints"] = ordered_json::array();
  for (const Hint& hint : report.hints)
    object["hints"].push_back({{"id", hint.id}, {"sentence", hint.sentence}, {"explained", number(hint.explained)}});
  object["no_hints"] = report.no_hints;
  return object.dump(2, ' ', true, ordered_json::error_handler_t::replace);
}

}  // namespace kit
