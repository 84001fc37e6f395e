// The table of keys in README.md has the keys that there are, their operators and their words.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "support/inference_line.hpp"
#include "support/score_line.hpp"

namespace glint_test {
namespace {

struct Row {
  std::string values;
};
using Table = std::map<std::pair<std::string, std::string>, Row>;  // by key and operator

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line);
  for (std::string cell; std::getline(stream, cell, '|');) cells.push_back(cell);
  return cells;
}

Table table_of_readme() {
  const std::string here = __FILE__;
  std::ifstream file(here.substr(0, here.rfind('/')) + "/README.md");
  EXPECT_TRUE(file.good());
  Table table;
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> cells = cells_of(line);
    if (cells.size() != 6 || cells[1].substr(0, 2) != " `") continue;
    const std::string key = cells[1].substr(2, cells[1].find('`', 2) - 2);
    std::istringstream ops(cells[2]);
    for (std::string op; ops >> op;) EXPECT_TRUE(table.emplace(std::pair(key, op), Row{cells[3]}).second) << line;
  }
  return table;
}

template <class C>
void compare(std::initializer_list<const char*> ops, Table& table) {
  for (const KeyOf<C>& key : keys_of(C{}))
    for (const char* const op : ops) {
      if (key.ops[0] != '\0' && std::string_view(key.ops) != op) continue;
      const auto row = table.find({std::string(key.name), op});
      ASSERT_NE(row, table.end()) << "README.md does not have " << key.name << " of op=" << op;
      const std::string values = row->second.values + " ";
      for (const char* const word : key.words)
        EXPECT_NE(values.find(" " + std::string(word) + " "), values.npos) << key.name << " has the value " << word;
      table.erase(row);
    }
}

TEST(Readme, HasEveryKey) {
  Table table = table_of_readme();
  compare<Case>({"fwd", "bwd"}, table);
  compare<InferenceCase>({"prompt", "incre"}, table);
  for (const auto& [key, row] : table) ADD_FAILURE() << "there is no key " << key.first << " of op=" << key.second;
}

}  // namespace
}  // namespace glint_test
