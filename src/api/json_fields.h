// The fields of a request's objects, read with the path of each at hand, so that an error names the field
// that is wrong. The first error stays, and everything after it reads as absent: parsers look once, at their
// end. One request's; the thread's that parses it. The JSON must outlive the readers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "api/api_error.h"

namespace kvasir {

class RequestReading {
  public:
    void refuse(ApiError error);
    void refuse(std::string_view code, std::string_view path, std::string message);  // 400
    void note(std::string note);
    bool failed() const { return error_.has_value(); }
    const std::optional<ApiError>& error() const { return error_; }
    std::vector<std::string>& notes() { return notes_; }

  private:
    std::optional<ApiError> error_;
    std::vector<std::string> notes_;
};

struct IntegerRange {
    std::int64_t least = 0;
    std::int64_t most = 0;
};

struct NumberRange {
    double least = 0;
    double most = 0;
};

// One object. A field that is absent or null gives nothing; one of the wrong type or out of range is an
// error.
class JsonFields {
  public:
    JsonFields(const boost::json::object& object, std::string path, RequestReading& reading);
    // `value` must be an object; otherwise that is the error and all fields read as absent.
    JsonFields(const boost::json::value& value, std::string path, RequestReading& reading);

    const boost::json::value* find(std::string_view name) const;
    std::optional<std::string> text(std::string_view name) const;
    std::optional<bool> flag(std::string_view name) const;
    std::optional<double> number(std::string_view name, NumberRange range) const;
    std::optional<std::int64_t> integer(std::string_view name, IntegerRange range) const;
    const boost::json::array* array(std::string_view name) const;
    std::optional<JsonFields> object(std::string_view name) const;

    // The same, and absent is an error.
    std::string required_text(std::string_view name) const;
    const boost::json::array& required_array(std::string_view name) const;

    const boost::json::object& all() const { return object_; }
    const std::string& path() const { return path_; }
    std::string path_of(std::string_view name) const;
    RequestReading& reading() const { return *reading_; }
    void refuse(std::string_view code, std::string_view name, std::string message) const;
    // 400 unsupported_parameter when the field is there.
    void refuse_if_given(std::string_view name, std::string_view reason) const;
    void note_if_given(std::string_view name) const;  // accepted, without effect

  private:
    const boost::json::object& object_;
    std::string path_;
    RequestReading* reading_;
};

std::string element_path(std::string_view array_path, std::size_t index);  // "messages[2]"
// Where a type is wrong: "... must be a string, not an array".
void refuse_type(RequestReading& reading, std::string_view path, std::string_view wanted,
                 const boost::json::value& value);
std::optional<std::int64_t> integer_in(const boost::json::value& value);  // 3 and 3.0, not 3.5

}  // namespace kvasir
