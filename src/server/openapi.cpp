#include "server/openapi.h"

#include <algorithm>
#include <cctype>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "server/openapi_schemas.h"
#include "server/routes.h"

namespace kvasir {

namespace {

namespace json = boost::json;

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
    return text;
}

const char* tag_of(Protocol protocol) {
    switch (protocol) {
        case Protocol::kOpenAi:
            return "OpenAI";
        case Protocol::kAnthropic:
            return "Anthropic";
        case Protocol::kKvasir:
            return "Kvasir";
    }
    return "Kvasir";
}

json::array parameters_of(const std::string& pattern) {
    json::array parameters;
    for (const char* name : {"name", "id", "item"}) {
        if (pattern.find(fmt::format("{{{}}}", name)) == std::string::npos) continue;
        parameters.push_back(
            {{"name", name}, {"in", "path"}, {"required", true}, {"schema", path_schema(name)}});
    }
    return parameters;
}

json::object body_of(std::string_view pattern) {
    json::object schema = request_schema(pattern);
    const bool required = schema.contains("required");
    if (schema.empty()) schema = {{"type", "object"}};
    if (pattern == "/agents/{name}/import") {
        // The file itself; JSON names one, on the owner's socket.
        return {{"required", true},
                {"content",
                 {{"application/octet-stream", {{"schema", {{"type", "string"}, {"format", "binary"}}}}},
                  {"application/json", {{"schema", std::move(schema)}}}}}};
    }
    return {{"required", required}, {"content", {{"application/json", {{"schema", std::move(schema)}}}}}};
}

json::object operation_of(const Route& route) {
    std::string id = lower(route.method);
    for (const char c : std::string_view(route.pattern))
        id += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
    json::object operation{{"operationId", id},
                           {"summary", route.summary},
                           {"tags", json::array{tag_of(route.protocol)}},
                           {"responses",
                            {{"2XX", {{"description", "done"}}},
                             {"4XX", {{"description", "the request is at fault"}}},
                             {"5XX", {{"description", "the server is"}}}}}};
    if (auto parameters = parameters_of(route.pattern); !parameters.empty())
        operation["parameters"] = std::move(parameters);
    if (const std::string_view method = route.method; method == "POST" || method == "PATCH") {
        operation["requestBody"] = body_of(route.pattern);
    }
    operation["security"] =
        route.access == Access::kKey
            ? json::array{json::object{{"bearer", json::array{}}}, json::object{{"api_key", json::array{}}}}
            : json::array{};
    return operation;
}

}  // namespace

std::string openapi_document() {
    json::object paths;
    for (const Route& route : routes()) {
        json::object& path = paths[route.pattern].is_object() ? paths[route.pattern].as_object()
                                                              : paths[route.pattern].emplace_object();
        path[lower(route.method)] = operation_of(route);
    }
    const json::object document{
        {"openapi", "3.1.0"},
        {"info", {{"title", "Kvasir"}, {"version", KVASIR_VERSION}}},
        {"paths", std::move(paths)},
        {"components",
         {{"securitySchemes",
           {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
            {"api_key", {{"type", "apiKey"}, {"in", "header"}, {"name", "x-api-key"}}}}}}}};
    return json::serialize(document);
}

std::string docs_page() {
    std::string rows;
    for (const Route& route : routes()) {
        rows += fmt::format("<tr><td>{}</td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>\n",
                            route.method, route.pattern, tag_of(route.protocol), route.summary);
    }
    return fmt::format(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Kvasir {0}</title>"
        "<style>body{{font-family:sans-serif;margin:2em;max-width:60em}}td{{padding:.2em "
        ".8em;vertical-align:top}}"
        "</style><h1>Kvasir {0}</h1><p>Point an OpenAI client at <code>/v1</code>, an Anthropic client at "
        "<code>/</code>, or either at <code>/agents/NAME/v1</code> (<code>/agents/NAME</code>) to name the "
        "agent. "
        "For machines: <a href=\"/openapi.json\">openapi.json</a>.</p><table>{1}</table></html>",
        KVASIR_VERSION, rows);
}

}  // namespace kvasir
