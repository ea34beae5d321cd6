#include "api/json_fields.h"

#include <cmath>

#include "api/api_limits.h"
#include "api/json_text.h"

namespace kvasir {

namespace json = boost::json;

namespace {

const json::object kNoFields;
const json::array kNoElements;

std::string_view kind_name(const json::value& value) {
    switch (value.kind()) {
        case json::kind::null:
            return "null";
        case json::kind::bool_:
            return "a boolean";
        case json::kind::string:
            return "a string";
        case json::kind::array:
            return "an array";
        case json::kind::object:
            return "an object";
        default:
            return "a number";
    }
}

const json::object& object_or_none(const json::value& value, std::string_view path, RequestReading& reading) {
    if (value.is_object()) return value.get_object();
    refuse_type(reading, path, "an object", value);
    return kNoFields;
}

}  // namespace

void RequestReading::refuse(ApiError error) {
    if (!error_) error_ = std::move(error);
}

void RequestReading::refuse(std::string_view code, std::string_view path, std::string message) {
    refuse(invalid_request(code, path, std::move(message)));
}

void RequestReading::note(std::string note) {
    if (notes_.size() < kNotesMax) notes_.push_back(std::move(note));
}

JsonFields::JsonFields(const json::object& object, std::string path, RequestReading& reading)
    : object_(object), path_(std::move(path)), reading_(&reading) {}

JsonFields::JsonFields(const json::value& value, std::string path, RequestReading& reading)
    : object_(object_or_none(value, path, reading)), path_(std::move(path)), reading_(&reading) {}

const json::value* JsonFields::find(std::string_view name) const {
    if (reading_->failed()) return nullptr;
    const json::value* const value = object_.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
}

std::optional<std::string> JsonFields::text(std::string_view name) const {
    const json::value* const value = find(name);
    if (value == nullptr) return std::nullopt;
    if (const json::string* const text = value->if_string()) return std::string(text->data(), text->size());
    refuse_type(*reading_, path_of(name), "a string", *value);
    return std::nullopt;
}

std::optional<bool> JsonFields::flag(std::string_view name) const {
    const json::value* const value = find(name);
    if (value == nullptr) return std::nullopt;
    if (const bool* const flag = value->if_bool()) return *flag;
    refuse_type(*reading_, path_of(name), "true or false", *value);
    return std::nullopt;
}

std::optional<double> JsonFields::number(std::string_view name, NumberRange range) const {
    const json::value* const value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) {
        refuse_type(*reading_, path_of(name), "a number", *value);
        return std::nullopt;
    }
    const double number = value->to_number<double>();
    if (number >= range.least && number <= range.most) return number;
    refuse("invalid_value", name,
           path_of(name) + " must be from " + to_json_text(range.least) + " to " + to_json_text(range.most) +
               ", not " + to_json_text(number));
    return std::nullopt;
}

std::optional<std::int64_t> JsonFields::integer(std::string_view name, IntegerRange range) const {
    const json::value* const value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) {
        refuse_type(*reading_, path_of(name), "an integer", *value);
        return std::nullopt;
    }
    const std::optional<std::int64_t> integer = integer_in(*value);
    if (integer && *integer >= range.least && *integer <= range.most) return integer;
    refuse("invalid_value", name,
           path_of(name) + " must be an integer from " + std::to_string(range.least) + " to " +
               std::to_string(range.most) + ", not " + to_json_text(*value));
    return std::nullopt;
}

const json::array* JsonFields::array(std::string_view name) const {
    const json::value* const value = find(name);
    if (value == nullptr) return nullptr;
    if (value->is_array()) return &value->get_array();
    refuse_type(*reading_, path_of(name), "an array", *value);
    return nullptr;
}

std::optional<JsonFields> JsonFields::object(std::string_view name) const {
    const json::value* const value = find(name);
    if (value == nullptr) return std::nullopt;
    return JsonFields(*value, path_of(name), *reading_);
}

std::string JsonFields::required_text(std::string_view name) const {
    std::optional<std::string> value = text(name);
    if (!value) refuse("missing_required_parameter", name, path_of(name) + " is required: a string");
    return value.value_or(std::string());
}

const json::array& JsonFields::required_array(std::string_view name) const {
    const json::array* const value = array(name);
    if (value == nullptr)
        refuse("missing_required_parameter", name, path_of(name) + " is required: an array");
    return value == nullptr ? kNoElements : *value;
}

std::string JsonFields::path_of(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

void JsonFields::refuse(std::string_view code, std::string_view name, std::string message) const {
    reading_->refuse(code, path_of(name), std::move(message));
}

void JsonFields::refuse_if_given(std::string_view name, std::string_view reason) const {
    if (find(name) == nullptr) return;
    refuse("unsupported_parameter", name, path_of(name) + " is not supported: " + std::string(reason));
}

void JsonFields::note_if_given(std::string_view name) const {
    if (find(name) != nullptr) reading_->note(path_of(name) + " has no effect here");
}

std::string element_path(std::string_view array_path, std::size_t index) {
    return std::string(array_path) + "[" + std::to_string(index) + "]";
}

void refuse_type(RequestReading& reading, std::string_view path, std::string_view wanted,
                 const json::value& value) {
    reading.refuse(
        "invalid_type", path,
        std::string(path) + " must be " + std::string(wanted) + ", not " + std::string(kind_name(value)));
}

std::optional<std::int64_t> integer_in(const json::value& value) {
    constexpr double kExactMost =
        9007199254740992.0;  // 2^53: beyond it a double may stand for another integer
    if (value.is_int64()) return value.get_int64();
    if (value.is_double() && std::abs(value.get_double()) <= kExactMost &&
        std::floor(value.get_double()) == value.get_double()) {
        return static_cast<std::int64_t>(value.get_double());
    }
    return std::nullopt;
}

}  // namespace kvasir
