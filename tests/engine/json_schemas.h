// Random JSON schemas of few keywords, and a validator for just these: type, properties, required, items,
// minItems, maxItems, enum, minimum, maximum, maxLength. Pure functions; owned by the test that includes it.
#pragma once

#include <algorithm>
#include <random>
#include <string>

#include <boost/json.hpp>

namespace kvasir::test {

namespace json = boost::json;

class SchemaMaker {
  public:
    explicit SchemaMaker(std::uint32_t seed) : random_(seed) {}

    json::object make() { return below(8) == 0 ? array(2) : object(2); }

  private:
    std::uint32_t below(std::uint32_t end) { return static_cast<std::uint32_t>(random_() % end); }

    json::object any(int depth) {
        switch (below(depth > 0 ? 8 : 6)) {
            case 0:
                return {{"type", "string"}, {"maxLength", below(5) + 1}};
            case 1:
                return integer();
            case 2:
                return {{"type", "number"}};
            case 3:
                return {{"type", "boolean"}};
            case 4:
            case 5:
                return choice();
            case 6:
                return array(depth - 1);
            default:
                return object(depth - 1);
        }
    }

    json::object integer() {
        if (below(3) == 0) return {{"type", "integer"}};
        const int least = static_cast<int>(below(40)) - 20;
        return {{"type", "integer"}, {"minimum", least}, {"maximum", least + static_cast<int>(below(200))}};
    }

    json::object choice() {
        json::array values;
        const bool numbers = below(3) == 0;
        for (std::uint32_t i = below(3) + 1; i > 0; --i) {
            if (numbers)
                values.push_back(below(1000));
            else
                values.push_back(json::string("v" + std::to_string(below(1000))));
        }
        return {{"enum", values}};
    }

    json::object array(int depth) {
        const std::uint32_t least = below(2);
        return {
            {"type", "array"}, {"items", any(depth)}, {"minItems", least}, {"maxItems", least + below(3)}};
    }

    json::object object(int depth) {
        json::object properties;
        json::array required;
        for (std::uint32_t i = below(3) + 1; i > 0; --i) {
            const std::string name = "p" + std::to_string(i);
            properties[name] = any(depth);
            if (below(3) > 0) required.push_back(json::string(name));
        }
        return {{"type", "object"},
                {"properties", properties},
                {"required", required},
                {"additionalProperties", false}};
    }

    std::mt19937 random_;
};

inline bool satisfies(const json::value& value, const json::object& schema);

inline bool object_satisfies(const json::object& object, const json::object& schema) {
    const json::object& properties = schema.at("properties").as_object();
    for (const auto& member : object) {
        const json::value* known = properties.if_contains(member.key());
        if (known == nullptr || !satisfies(member.value(), known->as_object())) return false;
    }
    const json::value* required = schema.if_contains("required");
    return required == nullptr ||
           std::all_of(required->as_array().begin(), required->as_array().end(),
                       [&](const json::value& name) { return object.contains(name.as_string()); });
}

inline bool array_satisfies(const json::array& array, const json::object& schema) {
    return array.size() >= schema.at("minItems").to_number<std::size_t>() &&
           array.size() <= schema.at("maxItems").to_number<std::size_t>() &&
           std::all_of(array.begin(), array.end(), [&](const json::value& item) {
               return satisfies(item, schema.at("items").as_object());
           });
}

inline std::size_t characters(const json::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

inline bool in_range(const json::value& value, const json::object& schema) {
    const double number = value.to_number<double>();
    const json::value* least = schema.if_contains("minimum");
    const json::value* most = schema.if_contains("maximum");
    return (least == nullptr || number >= least->to_number<double>()) &&
           (most == nullptr || number <= most->to_number<double>());
}

inline bool satisfies(const json::value& value, const json::object& schema) {
    if (const json::value* values = schema.if_contains("enum")) {
        const json::array& all = values->as_array();
        return std::find(all.begin(), all.end(), value) != all.end();
    }
    const json::string& type = schema.at("type").as_string();
    if (type == "object") return value.is_object() && object_satisfies(value.as_object(), schema);
    if (type == "array") return value.is_array() && array_satisfies(value.as_array(), schema);
    if (type == "boolean") return value.is_bool();
    if (type == "integer") return (value.is_int64() || value.is_uint64()) && in_range(value, schema);
    if (type == "number") return value.is_number() && in_range(value, schema);
    if (type != "string" || !value.is_string()) return false;
    const json::value* most = schema.if_contains("maxLength");
    return most == nullptr || characters(value.as_string()) <= most->to_number<std::size_t>();
}

inline bool satisfies_text(const std::string& text, const json::object& schema) {
    json::error_code error;
    const json::value value = json::parse(text, error);
    return !error && satisfies(value, schema);
}

}  // namespace kvasir::test
