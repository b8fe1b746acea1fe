# What Doxygen reads of a header: the comment at its top becomes the file's documentation, and
# "/// Errors:   IoError" a paragraph of that name.
FNR == 1 && /^\/\/ / { print "/// @file"; at_top = 1 }
at_top && /^\/\// {
  # Indented lines are an example.
  is_code = /^\/\/   /
  if (is_code && !in_code) print "/// @code"
  if (!is_code && in_code) print "/// @endcode"
  in_code = is_code
  sub(/^\/\//, "///")
  print
  next
}
at_top { if (in_code) print "/// @endcode"; at_top = in_code = 0 }
match($0, /^ *\/\/\/ (Shapes|Types|Requires|Errors|Numerics|Source|Threads|Returns): +/) {
  text = substr($0, RSTART + RLENGTH)
  name = $2
  sub(/:$/, "", name)
  print "/// @par " name
  print "/// " text
  next
}
{ print }
