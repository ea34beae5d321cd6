#include "api/json_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <new>
#include <system_error>

#include "api/api_limits.h"

namespace kvasir {

namespace json = boost::json;

namespace {

// A parsed value takes up to a dozen times the memory of its text; this ends it before the machine does.
class BoundedMemory final : public json::memory_resource {
  private:
    // Values of JSON are aligned as any memory is, whatever alignment they name.
    void* do_allocate(std::size_t bytes, std::size_t) override {
        if (bytes > kParsedJsonBytesMax - used_) throw std::bad_alloc();
        void* const memory = ::operator new(bytes);
        used_ += bytes;
        return memory;
    }
    void do_deallocate(void* memory, std::size_t bytes, std::size_t) override {
        used_ -= bytes;
        ::operator delete(memory);
    }
    bool do_is_equal(const json::memory_resource& other) const noexcept override { return this == &other; }

    std::size_t used_ = 0;
};

ApiError too_large() {
    ApiError error =
        http_error(413, "the body of the request is too large: " + std::to_string(kRequestJsonBytesMax) +
                            " bytes of JSON at most");
    error.code = "request_too_large";
    return error;
}

ApiError not_json(boost::system::error_code reason, std::size_t position) {
    if (reason == json::error::too_deep) {
        return invalid_request("invalid_json", "",
                               "the JSON of the request is nested too deep: " +
                                   std::to_string(kJsonDepthMax) + " levels at most");
    }
    return invalid_request("invalid_json", "",
                           "the body of the request is not valid JSON in UTF-8: " + reason.message() +
                               " near byte " + std::to_string(position));
}

void write_number(std::string& out, double number) {
    if (!std::isfinite(number)) {
        out += "null";
        return;
    }
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
    out += text;
    if (text.find_first_of(".e") == std::string_view::npos) out += ".0";  // stays a fraction when read back
}

void write_character(std::string& out, char character) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(character);
    switch (character) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            break;
    }
    if (byte >= 0x20 && byte != 0x7F) {
        out += character;
        return;
    }
    out += "\\u00";
    out += kHex[byte >> 4U];
    out += kHex[byte & 0xFU];
}

void write_string(std::string& out, std::string_view text) {
    out += '"';
    for (const char character : replace_invalid_utf8(text)) write_character(out, character);
    out += '"';
}

void write_value(std::string& out, const json::value& value);  // as deep as the value is

void write_array(std::string& out, const json::array& array) {
    out += '[';
    for (std::size_t i = 0; i < array.size(); ++i) {
        if (i > 0) out += ',';
        write_value(out, array[i]);
    }
    out += ']';
}

void write_object(std::string& out, const json::object& object) {
    out += '{';
    bool first = true;
    for (const auto& field : object) {
        if (!first) out += ',';
        first = false;
        write_string(out, field.key());
        out += ':';
        write_value(out, field.value());
    }
    out += '}';
}

void write_value(std::string& out, const json::value& value) {
    switch (value.kind()) {
        case json::kind::null:
            out += "null";
            return;
        case json::kind::bool_:
            out += value.get_bool() ? "true" : "false";
            return;
        case json::kind::int64:
            out += std::to_string(value.get_int64());
            return;
        case json::kind::uint64:
            out += std::to_string(value.get_uint64());
            return;
        case json::kind::double_:
            write_number(out, value.get_double());
            return;
        case json::kind::string:
            write_string(out, value.get_string());
            return;
        case json::kind::array:
            write_array(out, value.get_array());
            return;
        case json::kind::object:
            write_object(out, value.get_object());
            return;
    }
}

// Bytes of the character that `text` begins with; 0: it begins with none.
std::size_t character_bytes(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < bytes) return 0;
    for (std::size_t i = 1; i < bytes; ++i) {
        if ((byte(i) & 0xC0U) != 0x80) return 0;
    }
    // Overlong forms, surrogates, beyond U+10FFFF.
    if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return 0;
    if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
    return bytes;
}

}  // namespace

ApiResult<json::object> parse_request_body(std::string_view text) {
    if (text.size() > kRequestJsonBytesMax) return fail(too_large());
    json::parse_options options;
    options.max_depth = kJsonDepthMax;
    try {
        // For the parser's own stack and for the value, which keeps the resource alive.
        const json::storage_ptr memory = json::make_shared_resource<BoundedMemory>();
        json::parser parser(memory, options);
        parser.reset(memory);
        boost::system::error_code reason;
        const std::size_t position = parser.write_some(text.data(), text.size(), reason);
        if (!reason && position < text.size()) reason = json::error::extra_data;
        if (reason) return fail(not_json(reason, position));
        json::value value = parser.release();
        if (!value.is_object()) {
            return fail(invalid_request("invalid_json", "", "the body of the request must be a JSON object"));
        }
        return std::move(value.get_object());
    } catch (const std::bad_alloc&) {
        return fail(too_large());
    } catch (const std::exception& error) {
        return fail(
            invalid_request("invalid_json", "", std::string("the body is not readable: ") + error.what()));
    }
}

std::string to_json_text(const json::value& value) {
    std::string out;
    write_value(out, value);
    return out;
}

std::string replace_invalid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t bytes = character_bytes(text);
        if (bytes == 0) {
            out += "\xEF\xBF\xBD";
        } else {
            out += text.substr(0, bytes);
        }
        text.remove_prefix(bytes == 0 ? 1 : bytes);
    }
    return out;
}

}  // namespace kvasir
