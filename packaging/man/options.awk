# SPDX-License-Identifier: Apache-2.0
# Turns what `throttlelens COMMAND --help` prints into a section of a man page. Variable: command.

function roff(text) {
  gsub(/\\/, "\\e", text)
  gsub(/-/, "\\-", text)
  sub(/^[.']/, "\\\\\\&&", text)
  return text
}

# "-o,--output FORM:{a,b}=a" reads as an option with its value, and a sentence about both.
function option(head, text,    value, names, note) {
  if (match(head, / \(Env:[A-Z_]+\)/)) {
    note = " Environment: " substr(head, RSTART + 6, RLENGTH - 7) "."
    head = substr(head, 1, RSTART - 1) substr(head, RSTART + RLENGTH)
  }
  names = head
  if (match(head, / .*/)) {
    names = substr(head, 1, RSTART - 1)
    value = substr(head, RSTART + 1)
  }
  if (names == "-h,--help") return
  sub(/,/, ", ", names)
  if (match(value, /=[^={}]+$/)) {
    note = note " Default: " substr(value, RSTART + 1) "."
    value = substr(value, 1, RSTART - 1)
  }
  if (match(value, /:\{.*\}/)) {
    known = substr(value, RSTART + 2, RLENGTH - 3)
    gsub(/,/, ", ", known)
    note = " One of: " known "." note
    value = substr(value, 1, RSTART - 1)
  } else if (match(value, /:[A-Z]+ in \[.*\]/)) {
    known = substr(value, RSTART, RLENGTH)
    sub(/^:[A-Z]+ in \[/, "", known)
    sub(/\]$/, "", known)
    sub(/ - /, " to ", known)
    note = " From " known "." note
    value = substr(value, 1, RSTART - 1)
  }
  sub(/ ?REQUIRED$/, "", value)
  print ".TP"
  if (value != "") print ".BI \"" roff(names) " \" " roff(value)
  else print ".B " roff(names)
  print roff(text) "." roff(note)
}

function flush() {
  if (head != "") option(head, text)
  head = text = ""
}

NR == 1 {
  print ".SS " command
  print roff($0) "."
  next
}
/^Usage: / { next }
/^(Options|Positionals):$/ { part = "options"; next }
/^Example:$/ { flush(); part = "example"; print ".PP\nExample:\n.PP\n.in +4n\n.EX"; next }
part == "options" && /^  [^ ]/ {
  flush()
  head = substr($0, 3)
  if (match(head, /   +/)) {
    text = substr(head, RSTART + RLENGTH)
    head = substr(head, 1, RSTART - 1)
  }
  next
}
part == "options" && /^    / {
  sub(/^ +/, "")
  text = text (text == "" ? "" : " ") $0
  next
}
part == "example" && /^  / { print roff(substr($0, 3)); next }
part == "example" { print ".EE\n.in"; part = "prose" }
/^$/ { if (part == "prose") print ".PP"; next }
part == "prose" { print roff($0) }
END {
  flush()
  if (part == "example") print ".EE\n.in"
}
