# SPDX-License-Identifier: Apache-2.0
# Turns throttlelens.yaml, whose comments document its keys, into a section of a man page. The
# comment over a key is its description; a comment before the first blank line is about the file.

function roff(text) {
  gsub(/\\/, "\\e", text)
  gsub(/-/, "\\-", text)
  sub(/^[.']/, "\\\\\\&&", text)
  return text
}

function flush() {
  if (key == "") return
  print ".TP\n.B " roff(key)
  printf "%s", about
  if (items != "") value = "[" items "]"
  print ".br\nDefault: " roff(value)
  key = items = ""
}

/^ *#/ {
  sub(/^ *# ?/, "")
  comment = comment roff($0) "\n"
  next
}
/^$/ { comment = ""; next }
/^ +- / {
  sub(/^ +- /, "")
  items = items (items == "" ? "" : ", ") $0
  next
}
match($0, /^ *[a-z_]+:/) {
  flush()
  name = substr($0, 1, RLENGTH - 1)
  value = substr($0, RLENGTH + 2)
  level = match(name, /[a-z]/) - 1
  name = substr(name, level + 1)
  if (level == 0 && value == "") {
    parent = name "."
    print ".SS " roff(name)
    printf "%s", comment
  } else {
    if (level == 0) parent = ""
    key = parent name
    about = comment
  }
  comment = ""
  next
}
{
  print "keys.awk: line " NR " is not understood: " $0 > "/dev/stderr"
  exit 1
}
END { flush() }
