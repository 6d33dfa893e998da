// Attributes: the options of a call of an op by name, as a case states them:
// {"stride": [1, 2, 2], "mode": "nearest"}.
//
//   attrs.value("slope", 0.01)                           0.01 where the call does not say
//   attrs.at("file").get<std::string>()
//   const Attributes attrs = {{"stride", {1, 2, 2}}, {"mode", "nearest"}};
//
// Whatever reads a value throws DataError where it is of another kind: attributes come from files.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace primal {

// A truth value, an integer, a real number, a text, or a list of such.
class Attribute {
 public:
  using List = std::vector<Attribute>;

  Attribute() = default;  // an empty list
  template <std::same_as<bool> T>
  Attribute(T value) : value_(value) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Attribute(T value) : value_(static_cast<int64_t>(value)) {}
  template <std::floating_point T>
  Attribute(T value) : value_(static_cast<double>(value)) {}
  Attribute(const char* text) : value_(std::string(text)) {}
  Attribute(std::string text) : value_(std::move(text)) {}
  Attribute(std::initializer_list<Attribute> list) : value_(List(list)) {}
  template <class T>
  Attribute(const std::vector<T>& list) : value_(List(list.begin(), list.end())) {}
  template <class T, size_t n>
  Attribute(const std::array<T, n>& list) : value_(List(list.begin(), list.end())) {}

  bool is_list() const { return std::holds_alternative<List>(value_); }
  bool is_integer() const { return std::holds_alternative<int64_t>(value_); }

  // T: bool, an integer, double (an integer is a real number too), std::string, or a std::vector or
  // std::array of such. `name` is what messages call it.
  template <class T>
  T get(std::string_view name = "an attribute") const {
    T result;
    read(result, name);
    return result;
  }
  // The elements of a list; others have none.
  const List& elements() const;
  List& elements();

  std::string str() const;  // as JSON writes it

 private:
  using Value = std::variant<List, bool, int64_t, double, std::string>;

  void read(bool& to, std::string_view name) const;
  void read(int64_t& to, std::string_view name) const;
  void read(double& to, std::string_view name) const;
  void read(std::string& to, std::string_view name) const;
  template <std::integral T>
  void read(T& to, std::string_view name) const {
    const auto value = get<int64_t>(name);
    if (!std::in_range<T>(value))
      refuse(name, std::is_unsigned_v<T> ? "an integer from 0" : "a smaller integer");
    to = static_cast<T>(value);
  }
  template <class T>
  void read(std::vector<T>& to, std::string_view name) const {
    for (const Attribute& element : list(name)) to.push_back(element.get<T>(name));
  }
  template <class T, size_t n>
  void read(std::array<T, n>& to, std::string_view name) const {
    const List& from = list(name);
    if (from.size() != n) refuse(name, std::to_string(n) + " values");
    for (size_t i = 0; i < n; ++i) to[i] = from[i].get<T>(name);
  }
  const List& list(std::string_view name) const;
  [[noreturn]] void refuse(std::string_view name, std::string_view expected) const;

  Value value_;
};

class Attributes {
 public:
  using Map = std::map<std::string, Attribute, std::less<>>;

  Attributes() = default;
  Attributes(std::initializer_list<Map::value_type> values) : values_(values) {}
  // From a JSON object; DataError for any other text, and for values that no Attribute can be.
  static Attributes parse(const std::string& json);

  bool contains(std::string_view name) const { return values_.find(name) != values_.end(); }
  const Attribute& at(std::string_view name) const;  // DataError where there is none
  Attribute& operator[](const std::string& name) { return values_[name]; }
  // What `name` is, or `otherwise` where there is none.
  template <class T>
  T value(std::string_view name, T otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::move(otherwise) : found->second.get<T>(name);
  }
  std::string value(std::string_view name, const char* otherwise) const {
    return value(name, std::string(otherwise));
  }
  // Takes over what the others have.
  void update(const Attributes& others);

  Map::const_iterator begin() const { return values_.begin(); }
  Map::const_iterator end() const { return values_.end(); }
  Map::iterator begin() { return values_.begin(); }
  Map::iterator end() { return values_.end(); }

 private:
  Map values_;
};

// Three integers, `otherwise` where there is no attribute of that name.
inline std::array<int64_t, 3> attribute_triple(const Attributes& attrs, std::string_view name,
                                               std::array<int64_t, 3> otherwise) {
  return attrs.value(name, otherwise);
}

}  // namespace primal
