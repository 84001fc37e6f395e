# Read by check.sh.  Portable awk: Debian's default is mawk.
BEGIN {
  names = "core simd tensor policy kernel ops dispatch"
  folders = split(names, order, " ")
  for (i = 1; i <= folders; ++i) floor_of[order[i]] = i - 1
  floor_of["tuned"] = floor_of["simd"]  # tables of measurements, which the build picks by name
  floor_of["(top)"] = folders  # glint.hpp and eigen.hpp, which see the whole house
  words = "printf|fprintf|puts|cout|cerr|clog|abort|exit|terminate|assert|throw|try|catch|new|delete|malloc|calloc|realloc|free"

  while ((getline line < exceptions) > 0) {
    if (line ~ /^ *(#|$)/) continue
    if (split(line, part, " ") < 3) breach("exceptions.txt: needs `rule path reason`: " line)
    excused[part[1] " " part[2]] = 1
  }
}

function breach(text) { print "BREACH " text; ++breaches }

function judge(rule, text) {
  if ((rule " " FILENAME) in excused) used[rule " " FILENAME] = 1
  else breach(FILENAME ":" FNR ": " rule ": " text)
}

function folder_of(path) {  # path below glint/
  return path ~ /\// ? substr(path, 1, index(path, "/") - 1) : "(top)"
}

function stem(path) { sub(/.*\//, "", path); sub(/(-inl)?\.hpp$/, "", path); return path }

function check_include(target,    from, to, mine, other) {
  from = folder_of(substr(FILENAME, length("include/glint/") + 1))
  to = folder_of(target)
  ++edge[from " " to]
  if (from == to) {
    mine = stem(FILENAME)
    other = stem(target)
    if (from == "policy" && mine != "recipe" && mine != "any" && index(mine, other "_") != 1)
      judge("sibling", "policies do not know each other: " target)
  } else if (from == "reference") {
    if (to != "core") judge("climb", "the oracle shares nothing but core/: " target)
  } else if (to == "reference") {
    judge("climb", "nothing in the house includes the oracle: " target)
  } else if (!(from in floor_of) || !(to in floor_of)) {
    judge("climb", "no floor is known for " from " or " to)
  } else if (floor_of[to] > floor_of[from]) {
    judge("climb", from " (floor " floor_of[from] ") includes " target " (floor " floor_of[to] ")")
  }
}

FNR == 1 {
  if (previous != "" && lines > 300) long_file()
  previous = FILENAME
  in_library = FILENAME ~ /^include\//
}
{ lines = FNR }

function long_file() {
  if (("length " previous) in excused) used["length " previous] = 1
  else breach(previous ": length: " lines " lines, the most is 300")
}

/\t/ { judge("text", "tab") }
/[^\t -~]/ { judge("text", "not ASCII") }
/[ \t]$/ { judge("text", "trailing blank") }

in_library && /^ *# *include/ {
  if (match($0, /"glint\/[^"]*"/)) check_include(substr($0, RSTART + 7, RLENGTH - 8))
  else if ($0 ~ /"|<glint/) judge("include", "write #include \"glint/folder/name.hpp\": " $0)
}
in_library && /^ *# *define GLINT_ISA_BODY "glint\// {  # an include by another name
  match($0, /"glint\/[^"]*"/)
  check_include(substr($0, RSTART + 7, RLENGTH - 8))
}
in_library && !/^ *#/ {
  code = " " $0 " "
  gsub(/\\"/, "", code)
  gsub(/"[^"]*"/, "\"\"", code)
  sub(/\/\/.*/, " ", code)
  gsub(/= *delete|::new \(/, "", code)  # a placement new allocates nothing
  # The oracle needs Eigen, which does not survive such macros either.
  if (FILENAME !~ /reference\// && match(code, /[^A-Za-z0-9_'.][A-Z][^A-Za-z0-9_]/))
    judge("letter", substr(code, RSTART + 1, 1) ":" code)
  if (match(code, "[^A-Za-z0-9_](" words ")[^A-Za-z0-9_]")) judge("word", substr(code, RSTART + 1, RLENGTH - 2) ":" code)
}

END {
  if (lines > 300) long_file()
  for (key in excused)
    if (!(key in used)) breach("exceptions.txt: nothing needs the exception any more: " key)
  order[folders + 1] = "(top)"
  order[folders + 2] = "reference"
  print "The floors and the #include lines between them:"
  for (i = folders + 2; i >= 1; --i) {
    row = ""
    for (j = folders + 1; j >= 1; --j)
      if ((order[i] " " order[j]) in edge && i != j) row = row "  " order[j] " (" edge[order[i] " " order[j]] ")"
    printf "  %s %-10s ->%s\n", (i <= folders ? i - 1 : " "), order[i], row
  }
  print breaches + 0 " breaches"
  exit breaches > 0
}
