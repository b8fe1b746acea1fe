// The values that protocol 0 writes as lines of text.
#pragma once

#include "serialization/pickle/builder.h"

#include <string_view>

namespace lamina::serialization::pickle {

/// "12", "01" (True), "-7L"; more than 64 bits are a big integer whose digits are not read.
Value parse_integer(Builder& builder, std::string_view line);
Value parse_real(Builder& builder, std::string_view line);
/// A Python 2 str as repr() writes it: 'it\'s'.
Value parse_quoted(Builder& builder, std::string_view line);
/// Python's raw-unicode-escape; the text comes out in UTF-8.
Value parse_raw_unicode(Builder& builder, std::string_view line);

}  // namespace lamina::serialization::pickle
