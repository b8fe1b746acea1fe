#include "tools/vgg16_infer/result.h"

#include "tools/support/text.h"

#include <fmt/format.h>

namespace lamina::tools {
namespace {

std::string json_object(const Result& result, bool with_logits) {
  const std::string path = json_string(result.path);
  if (!result.error.empty()) {
    return fmt::format(R"({{"path":{},"ok":false,"error":{}}})", path, json_string(result.error));
  }
  std::string out = fmt::format(R"({{"path":{},"ok":true,"width":{},"height":{},"top":[)", path,
                                result.width, result.height);
  const char* comma = "";
  for (const NamedScore& score : result.top) {
    out += fmt::format(R"({}{{"index":{},"label":{},"prob":{},"logit":{}}})", comma, score.index,
                       score.label.empty() ? "null" : json_string(score.label),
                       json_number(score.probability), json_number(score.logit));
    comma = ",";
  }
  out += "]";
  if (with_logits) {
    out += R"(,"logits":[)";
    comma = "";
    for (const float logit : result.logits) {
      out += comma + json_number(logit);
      comma = ",";
    }
    out += "]";
  }
  out += fmt::format(R"(,"ms":{{"decode":{:.2f},"preprocess":{:.2f},"infer":{:.2f}}})",
                     result.decode_ms, result.preprocess_ms, result.infer_ms);
  if (!result.heatmap.empty()) out += ",\"heatmap\":" + json_string(result.heatmap);
  return out + "}";
}

class JsonLines : public ResultFormat {
 public:
  explicit JsonLines(bool with_logits) : with_logits_(with_logits) {}
  std::string record(const Result& result) override {
    return fmt::format("{}\n", json_object(result, with_logits_));
  }

 private:
  bool with_logits_;
};

class Json : public ResultFormat {
 public:
  explicit Json(bool with_logits) : with_logits_(with_logits) {}
  std::string begin(const RunInfo& run) override {
    return fmt::format(R"({{"model":{},"weights":{},"device":{},"precision":{},"results":[)",
                       json_string(run.model), json_string(run.weights), json_string(run.device),
                       json_string(run.precision));
  }
  std::string record(const Result& result) override {
    const char* separator = first_ ? "\n" : ",\n";
    first_ = false;
    return separator + json_object(result, with_logits_);
  }
  std::string end() override { return "\n]}\n"; }

 private:
  bool with_logits_, first_ = true;
};

class Csv : public ResultFormat {
 public:
  std::string begin(const RunInfo&) override {
    return "path,ok,width,height,rank,index,label,prob,logit,error\n";
  }
  std::string record(const Result& result) override {
    const std::string path = csv_field(result.path);
    if (!result.error.empty()) {
      return fmt::format("{},false,,,,,,,,{}\n", path, csv_field(result.error));
    }
    std::string out;
    int rank = 0;
    for (const NamedScore& score : result.top) {
      out +=
          fmt::format("{},true,{},{},{},{},{},{},{},\n", path, result.width, result.height, ++rank,
                      score.index, csv_field(score.label), score.probability, score.logit);
    }
    return out;
  }
};

// Failures are on stderr: a line here is always an answer.
class Text : public ResultFormat {
 public:
  explicit Text(bool with_logits) : with_logits_(with_logits) {}
  std::string record(const Result& result) override {
    std::string out;
    int rank = 0;
    if (!result.error.empty()) return out;
    for (const NamedScore& score : result.top) {
      out += fmt::format("{}\t{}\t{}\t{:.4f}\t", line_field(result.path), ++rank, score.index,
                         score.probability);
      if (with_logits_) out += fmt::format("{:.4f}\t", score.logit);
      out += fmt::format("{}\n", line_field(score.label));
    }
    return out;
  }
  bool is_text() const override { return true; }

 private:
  bool with_logits_;
};

}  // namespace

std::unique_ptr<ResultFormat> ResultFormat::make(const std::string& name, bool with_logits) {
  if (name == "json") return std::make_unique<Json>(with_logits);
  if (name == "jsonl") return std::make_unique<JsonLines>(with_logits);
  if (name == "csv") return std::make_unique<Csv>();
  return std::make_unique<Text>(with_logits);
}

}  // namespace lamina::tools
