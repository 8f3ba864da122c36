#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "cli/command.h"
#include "cli/lint.h"
#include "cli/options.h"
#include "cli/reasons.h"

// Completion scripts, made from the table of commands: what the help says is what can be completed.
namespace stockade::cli {
namespace {

constexpr std::array kFlags = {
    kHelpFlag,
};

constexpr std::string_view kHelp =
    "Prints a script that completes commands, options, codes and file names of stockade in a "
    "shell.\n"
    "\n"
    "Examples:\n"
    "  # bash: in ~/.bashrc\n"
    "  source <(stockade completion bash)\n"
    "\n"
    "  # zsh: as _stockade in a directory of $fpath\n"
    "  stockade completion zsh > ~/.zsh/completions/_stockade\n"
    "\n"
    "  # fish\n"
    "  stockade completion fish > ~/.config/fish/completions/stockade.fish\n"
    "\n"
    "  # kubectl stockade, in any shell that completes kubectl: a program beside kubectl-stockade\n"
    "  stockade completion kubectl > /usr/local/bin/kubectl_complete-stockade\n"
    "  chmod +x /usr/local/bin/kubectl_complete-stockade\n";

// How a value is completed.
enum class ValueKind { kNone, kChoice, kFile, kOther };

ValueKind KindOf(const Flag& flag) {
  if (flag.value.empty()) return ValueKind::kNone;
  if (flag.value.find('|') != flag.value.npos) {
    // "FILE|DIR" are placeholders, "text|json" words.
    const char first = flag.value.front();
    return first >= 'A' && first <= 'Z' ? ValueKind::kFile : ValueKind::kChoice;
  }
  return flag.value == "FILE" || flag.value == "DIR" ? ValueKind::kFile : ValueKind::kOther;
}

std::string Choices(const Flag& flag) {
  std::string choices(flag.value);
  std::ranges::replace(choices, '|', ' ');
  return choices;
}

bool TakesFiles(const Command& command) {
  return command.arguments.find("FILE") != command.arguments.npos;
}

// The words that a command takes as arguments, or empty.
std::string ArgumentWords(const Command& command) {
  if (command.name == "completion") return "bash zsh fish kubectl";
  if (command.name != "explain") return "";
  std::string words = "sandbox";
  for (const policy::Rule* rule : AllRules()) words += " " + std::string(rule->code);
  for (const Reason& reason : Reasons()) words += " " + std::string(reason.code);
  return words;
}

// The names of commands, and the first words of those that have two: "", "policy".
struct Prefix {
  std::string name;
  std::vector<std::string> next;  // the words that can follow
};

std::vector<Prefix> Prefixes() {
  std::vector<Prefix> prefixes = {{"", {}}};
  for (const Command& command : Commands()) {
    std::string before;
    for (const std::string_view word : Split(command.name, ' ')) {
      auto found = std::ranges::find(prefixes, before, &Prefix::name);
      if (found == prefixes.end()) found = prefixes.insert(prefixes.end(), {before, {}});
      if (std::ranges::find(found->next, word) == found->next.end()) {
        found->next.emplace_back(word);
      }
      before += (before.empty() ? "" : " ") + std::string(word);
    }
  }
  return prefixes;
}

// Lines of a shell's case that follow the words of the command line: "lint" after "" is "lint".
std::string FollowWords(const std::string& indent) {
  std::string text;
  for (const Prefix& prefix : Prefixes()) {
    for (const std::string& word : prefix.next) {
      const std::string whole = prefix.name.empty() ? word : prefix.name + " " + word;
      text += indent + "\"" + prefix.name + " " + word + "\") command=\"" + whole + "\" ;;\n";
    }
  }
  return text;
}

bool IsCommand(const std::string& name) {
  return std::ranges::any_of(Commands(),
                             [&name](const Command& command) { return command.name == name; });
}

std::string BashCommand(const Command& command) {
  std::string options;
  std::string values;
  for (const Flag& flag : command.flags) {
    std::string spelled = "--" + std::string(flag.name);
    options += (options.empty() ? "" : " ") + spelled;
    if (flag.letter != 0) spelled = "-" + std::string(1, flag.letter) + " | " + spelled;
    if (KindOf(flag) == ValueKind::kChoice) {
      values += "        " + spelled + ") COMPREPLY=($(compgen -W \"" + Choices(flag) +
                "\" -- \"$cur\")); return ;;\n";
    } else if (KindOf(flag) == ValueKind::kFile) {
      values += "        " + spelled + ") _stockade_files \"$cur\"; return ;;\n";
    } else if (KindOf(flag) == ValueKind::kOther) {
      values += "        " + spelled + ") return ;;\n";
    }
  }
  std::string arguments = "COMPREPLY=()";
  const std::string words = ArgumentWords(command);
  if (!words.empty()) arguments = "COMPREPLY=($(compgen -W \"" + words + "\" -- \"$cur\"))";
  if (TakesFiles(command)) arguments = "_stockade_files \"$cur\"";
  std::string text = "    \"" + std::string(command.name) + "\")\n";
  if (!values.empty()) text += "      case \"$prev\" in\n" + values + "      esac\n";
  return text + "      if [[ $cur == -* ]]; then\n        COMPREPLY=($(compgen -W \"" + options +
         "\" -- \"$cur\"))\n      else\n        " + arguments + "\n      fi\n      ;;\n";
}

// A function of bash that reads COMP_WORDS and COMP_CWORD and sets COMPREPLY; where a file can
// stand it calls _stockade_files, which is another one in each of the scripts.
std::string BashFunction() {
  std::string text =
      "_stockade() {\n"
      "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD - 1]}\" "
      "command=\"\" i\n"
      "  # bash takes the sign in --output=json for a word.\n"
      "  if [[ $cur == \"=\" ]]; then\n    cur=\"\"\n"
      "  elif [[ $prev == \"=\" ]]; then\n    prev=\"${COMP_WORDS[COMP_CWORD - 2]}\"\n  fi\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"$command ${COMP_WORDS[i]}\" in\n" +
      FollowWords("      ") + "    esac\n  done\n  COMPREPLY=()\n  case \"$command\" in\n";
  for (const Prefix& prefix : Prefixes()) {
    if (IsCommand(prefix.name)) continue;
    text += "    \"" + prefix.name + "\") COMPREPLY=($(compgen -W \"" + Join(prefix.next, " ") +
            (prefix.name.empty() ? " help" : "") + "\" -- \"$cur\")) ;;\n";
  }
  for (const Command& command : Commands()) text += BashCommand(command);
  return text + "  esac\n}\n";
}

std::string BashScript() {
  return "# Completion of stockade for bash; made by \"stockade completion bash\".\n"
         "_stockade_files() {\n"
         "  local IFS=$'\\n'\n"
         "  COMPREPLY=($(compgen -f -- \"$1\"))\n"
         "}\n" +
         BashFunction() + "complete -o filenames -F _stockade stockade kubectl-stockade\n";
}

// kubectl completes the arguments of a plugin by a program beside it. What that prints is read as
// what a Cobra program prints: a candidate a line, and last what the shell may do about them, of
// which 4 is "offer no files" and 0 is "offer files where there is no candidate".
std::string KubectlScript() {
  return "#!/usr/bin/env bash\n"
         "# Completion of \"kubectl stockade\", for kubectl to call; made by \"stockade completion "
         "kubectl\".\n"
         "_stockade_files() { directive=0; }\n" +
         BashFunction() +
         "directive=4\n"
         "COMP_WORDS=(stockade \"$@\")\n"
         "COMP_CWORD=$#\n"
         "last=\"${COMP_WORDS[COMP_CWORD]}\"\n"
         "if [[ $last == --*=* ]]; then\n"
         "  COMP_WORDS[COMP_CWORD]=\"${last%%=*}\"\n"
         "  COMP_WORDS+=(\"=\" \"${last#*=}\")\n"
         "  ((COMP_CWORD += 2))\n"
         "fi\n"
         "_stockade\n"
         "((${#COMPREPLY[@]} == 0)) || printf '%s\\n' \"${COMPREPLY[@]}\"\n"
         "echo \":$directive\"\n";
}

// Inside single quotes, and inside the parts of a specification that ":" and "]" would end.
std::string ZshText(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\'') {
      escaped += "'\\''";
      continue;
    }
    if (c == ':' || c == '[' || c == ']') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string ZshCommand(const Command& command) {
  std::string text = "    \"" + std::string(command.name) + "\")\n      _arguments \\\n";
  for (const Flag& flag : command.flags) {
    const std::string name = "--" + std::string(flag.name);
    std::string spelled = "'" + name;
    if (flag.letter != 0) {
      const std::string letter = "-" + std::string(1, flag.letter);
      spelled = "'(" + letter + " " + name + ")'{" + letter + "," + name + "}'";
    }
    if (flag.repeated) {
      spelled = flag.letter != 0 ? "'*'{-" + std::string(1, flag.letter) + "," + name + "}'"
                                 : "'*" + name;
    }
    std::string value;
    if (KindOf(flag) == ValueKind::kChoice) value = ":value:(" + Choices(flag) + ")";
    if (KindOf(flag) == ValueKind::kFile) value = ":file:_files";
    if (KindOf(flag) == ValueKind::kOther) value = ":value:";
    text += "        " + spelled + "[" + ZshText(flag.help) + "]" + value + "' \\\n";
  }
  const std::string words = ArgumentWords(command);
  const std::string arguments = TakesFiles(command) ? "_files"
                                : words.empty()     ? ""
                                                    : "(" + words + ")";
  return text + "        '*:argument:" + arguments + "'\n      ;;\n";
}

std::string ZshScript() {
  std::string text =
      "#compdef stockade kubectl-stockade\n"
      "# Completion of stockade for zsh; made by \"stockade completion zsh\".\n"
      "_stockade() {\n"
      "  local command=\"\" i\n"
      "  local -a commands\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    case \"$command ${words[i]}\" in\n" +
      FollowWords("      ") + "    esac\n  done\n  case \"$command\" in\n";
  for (const Prefix& prefix : Prefixes()) {
    if (IsCommand(prefix.name)) continue;
    text += "    \"" + prefix.name + "\")\n      commands=(\n";
    for (const std::string& word : prefix.next) {
      std::string summary;
      for (const Command& command : Commands()) {
        if (command.name == (prefix.name.empty() ? word : prefix.name + " " + word)) {
          summary = ":" + ZshText(command.summary);
        }
      }
      text += "        '" + word + summary + "'\n";
    }
    text += "      )\n      _describe command commands\n      ;;\n";
  }
  for (const Command& command : Commands()) text += ZshCommand(command);
  return text +
         "  esac\n}\n"
         "if [[ ${funcstack[1]} == _stockade ]]; then\n  _stockade \"$@\"\nelse\n"
         "  compdef _stockade stockade kubectl-stockade\nfi\n";
}

std::string FishQuote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

// True when the words of the command stand on the line, and none that would make it another.
std::string FishCondition(const Command& command) {
  std::string condition;
  for (const std::string_view word : Split(command.name, ' ')) {
    condition +=
        (condition.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + std::string(word));
  }
  for (const Command& other : Commands()) {
    const std::string longer = std::string(command.name) + " ";
    if (other.name.starts_with(longer)) {
      condition +=
          "; and not __fish_seen_subcommand_from " + std::string(other.name.substr(longer.size()));
    }
  }
  return FishQuote(condition);
}

std::string FishScript() {
  std::string text =
      "# Completion of stockade for fish; made by \"stockade completion fish\".\n"
      "complete -c stockade -f\n";
  for (const Prefix& prefix : Prefixes()) {
    for (const std::string& word : prefix.next) {
      const std::string whole = prefix.name.empty() ? word : prefix.name + " " + word;
      const std::string condition = prefix.name.empty()
                                        ? "__fish_use_subcommand"
                                        : "__fish_seen_subcommand_from " + prefix.name +
                                              "; and not __fish_seen_subcommand_from " + word;
      std::string summary;
      for (const Command& command : Commands()) {
        if (command.name == whole) summary = " -d " + FishQuote(command.summary);
      }
      text += "complete -c stockade -n " + FishQuote(condition) + " -a " + word + summary + "\n";
    }
  }
  for (const Command& command : Commands()) {
    const std::string head = "complete -c stockade -n " + FishCondition(command);
    for (const Flag& flag : command.flags) {
      text += head;
      if (flag.letter != 0) text += " -s " + std::string(1, flag.letter);
      text += " -l " + std::string(flag.name);
      if (KindOf(flag) == ValueKind::kChoice) text += " -x -a " + FishQuote(Choices(flag));
      if (KindOf(flag) == ValueKind::kFile) text += " -r -F";
      if (KindOf(flag) == ValueKind::kOther) text += " -x";
      text += " -d " + FishQuote(flag.help) + "\n";
    }
    const std::string words = ArgumentWords(command);
    if (!words.empty()) text += head + " -a " + FishQuote(words) + "\n";
    if (TakesFiles(command)) text += head + " -F\n";
  }
  return text + "complete -c kubectl-stockade -w stockade\n";
}

int Run(const Invocation& invocation) {
  const std::vector<std::string>& shells = invocation.flags.arguments();
  if (shells.size() != 1) return invocation.Fail("name one of bash, zsh, fish and kubectl");
  std::string& out = invocation.console.out;
  if (shells[0] == "bash") {
    out += BashScript();
  } else if (shells[0] == "zsh") {
    out += ZshScript();
  } else if (shells[0] == "fish") {
    out += FishScript();
  } else if (shells[0] == "kubectl") {
    out += KubectlScript();
  } else {
    return invocation.Fail("there is no completion for \"" + shells[0] +
                           "\"; there is one for bash, zsh, fish and kubectl");
  }
  return kExitClean;
}

}  // namespace

Command CompletionCommand() {
  return {.name = "completion",
          .arguments = "bash|zsh|fish|kubectl",
          .summary = "Print a script that completes command lines in a shell",
          .help = kHelp,
          .flags = kFlags,
          .run = Run};
}

}  // namespace stockade::cli
