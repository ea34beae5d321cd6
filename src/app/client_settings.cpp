#include "app/client_settings.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace kvasir {

namespace {

// Anthropic's SDK puts /v1/messages behind the base URL, OpenAI's only the last part.
std::string anthropic_base(const ServerAddress& server) {
    return server.agent.empty() ? server.url : server.url + "/agents/" + server.agent;
}
std::string openai_base(const ServerAddress& server) { return anthropic_base(server) + "/v1"; }

ClientSettings claude(const ServerAddress& server) {
    return {"",
            fmt::format("export ANTHROPIC_BASE_URL={}\n"
                        "export ANTHROPIC_AUTH_TOKEN=${{KVASIR_API_KEY:-none}}\n"
                        "export ANTHROPIC_MODEL={}\n"
                        "# its first line would change with every request, and with it the whole prompt\n"
                        "export CLAUDE_CODE_ATTRIBUTION_HEADER=0\n",
                        anthropic_base(server), server.model),
            "claude"};
}

ClientSettings codex(const ServerAddress& server) {
    return {"~/.codex/config.toml",
            fmt::format(
                "model = \"{}\"\nmodel_provider = \"kvasir\"\n\n[model_providers.kvasir]\nname = \"Kvasir\"\n"
                "base_url = \"{}\"\nwire_api = \"responses\"\nenv_key = \"KVASIR_API_KEY\"\n",
                server.model, openai_base(server)),
            "KVASIR_API_KEY=${KVASIR_API_KEY:-none} codex"};
}

ClientSettings opencode(const ServerAddress& server) {
    return {"opencode.json",
            fmt::format(R"({{
  "$schema": "https://opencode.ai/config.json",
  "provider": {{
    "kvasir": {{
      "npm": "@ai-sdk/openai-compatible",
      "name": "Kvasir",
      "options": {{ "baseURL": "{}", "apiKey": "{{env:KVASIR_API_KEY}}" }},
      "models": {{ "{}": {{ "name": "{}", "limit": {{ "context": {}, "output": {} }} }} }}
    }}
  }},
  "model": "kvasir/{}"
}}
)",
                        openai_base(server), server.model, server.model, server.context_tokens,
                        server.context_tokens / 4, server.model),
            "KVASIR_API_KEY=${KVASIR_API_KEY:-none} opencode"};
}

ClientSettings pi(const ServerAddress& server) {
    return {"~/.pi/agent/models.json",
            fmt::format(R"({{
  "providers": {{
    "kvasir": {{
      "baseUrl": "{}",
      "api": "openai-completions",
      "apiKey": "KVASIR_API_KEY",
      "compat": {{ "sendSessionAffinityHeaders": true }},
      "models": [ {{ "id": "{}", "contextWindow": {} }} ]
    }}
  }}
}}
)",
                        openai_base(server), server.model, server.context_tokens),
            fmt::format("KVASIR_API_KEY=${{KVASIR_API_KEY:-none}} pi --provider kvasir --model {}",
                        server.model)};
}

ClientSettings aider(const ServerAddress& server) {
    return {"",
            fmt::format("export OPENAI_API_BASE={}\nexport OPENAI_API_KEY=${{KVASIR_API_KEY:-none}}\n",
                        openai_base(server)),
            "aider --model openai/" + server.model};
}

ClientSettings continue_editor(const ServerAddress& server) {
    return {"~/.continue/config.yaml",
            fmt::format(
                "name: Kvasir\nversion: 1.0.0\nschema: v1\nmodels:\n  - name: Kvasir\n    provider: openai\n"
                "    model: {}\n    apiBase: {}\n    apiKey: none\n    roles: [chat, edit, apply]\n",
                server.model, openai_base(server)),
            "open the editor; Continue reads the file"};
}

ClientSettings openai_sdk(const ServerAddress& server) {
    return {"",
            fmt::format("export OPENAI_BASE_URL={}\nexport OPENAI_API_KEY=${{KVASIR_API_KEY:-none}}\n",
                        openai_base(server)),
            "any program that uses an OpenAI SDK"};
}

ClientSettings anthropic_sdk(const ServerAddress& server) {
    return {"",
            fmt::format("export ANTHROPIC_BASE_URL={}\nexport ANTHROPIC_API_KEY=${{KVASIR_API_KEY:-none}}\n",
                        anthropic_base(server)),
            "any program that uses an Anthropic SDK"};
}

struct KnownClient {
    const char* name;
    ClientSettings (*settings)(const ServerAddress&);
};

constexpr KnownClient kClients[] = {{"claude", claude},         {"codex", codex},
                                    {"opencode", opencode},     {"pi", pi},
                                    {"aider", aider},           {"continue", continue_editor},
                                    {"openai-sdk", openai_sdk}, {"anthropic-sdk", anthropic_sdk}};

}  // namespace

std::vector<std::string> known_clients() {
    std::vector<std::string> names;
    for (const KnownClient& client : kClients) names.emplace_back(client.name);
    return names;
}

std::optional<ClientSettings> settings_of(std::string_view client, const ServerAddress& server) {
    const auto found = std::find_if(std::begin(kClients), std::end(kClients),
                                    [&](const KnownClient& known) { return client == known.name; });
    if (found == std::end(kClients)) return std::nullopt;
    return found->settings(server);
}

}  // namespace kvasir
