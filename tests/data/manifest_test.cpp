#include "data/manifest/manifest.h"

#include <gtest/gtest.h>

#include "data/file/file.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

using testing::message_of;
using testing::TemporaryFolder;

#define EXPECT_SAYS(message, part) EXPECT_NE((message).find(part), std::string::npos) << (message)

class Manifests : public ::testing::Test {
 protected:
  Manifests() {
    for (const char* name : {"n/def_front/a.png", "n/ok_front/b.png", "c/a.png", "c/ok/b.png"}) {
      std::filesystem::create_directories((folder_ / name).parent_path());
      write_file_atomically(folder_ / name, {});
    }
  }
  Manifest read(const std::string& text, const ManifestNeeds& needs,
                const ManifestOptions& options = ManifestOptions()) const {
    const std::filesystem::path path = folder_ / "m.csv";
    write_file_atomically(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    return read_manifest(path, needs, options);
  }
  template <class E>
  std::string error(const std::string& text, const ManifestNeeds& needs,
                    const ManifestOptions& options = ManifestOptions()) const {
    return message_of<E>([&] { read(text, needs, options); });
  }
  const TemporaryFolder folder_;
};

constexpr ManifestNeeds kAll{true, true, true};

TEST_F(Manifests, GiveThreeTasks) {
  const std::string text =
      "id,label,noise,clean,noisy\n"
      "1,ok,periodic,c/ok/b.png,n/ok_front/b.png\n"
      "2,defect,gaussian,c/a.png,n\\def_front\\a.png\n";
  const Manifest m = read(text, kAll);
  ASSERT_EQ(m.entries.size(), 2u);
  EXPECT_EQ(m.entries[0].noisy, folder_ / "n/ok_front/b.png");
  EXPECT_EQ(m.entries[0].clean, folder_ / "c/ok/b.png");
  EXPECT_EQ(m.entries[0].label_class, 1);
  EXPECT_EQ(m.entries[0].noise_class, 2);
  EXPECT_EQ(m.entries[1].noisy, folder_ / "n/def_front/a.png");
  EXPECT_EQ(m.entries[1].label_class, 0);
  EXPECT_EQ(m.entries[1].noise_class, 0);
  EXPECT_EQ(m.labels, (std::vector<std::string>{"defect", "ok"}));
  EXPECT_SAYS(m.where(1), "m.csv, line 3");
}

TEST_F(Manifests, NeedOnlyTheColumnsOfTheirTask) {
  const std::string text = "noisy,type\nn/def_front/a.png,x\nn/ok_front/b.png,w\n";
  const Manifest by_path = read(text, {.label = true});
  EXPECT_EQ(by_path.entries[0].label, "defect");
  EXPECT_EQ(by_path.entries[1].label, "ok");
  EXPECT_EQ(by_path.entries[1].noise_class, -1);
  ManifestOptions options;
  options.columns.noise = "type";
  options.noise_types.clear();
  const Manifest types = read(text, {.noise = true}, options);
  EXPECT_EQ(types.noise_types, (std::vector<std::string>{"w", "x"}));
  EXPECT_EQ(types.entries[0].noise_class, 1);
  EXPECT_SAYS(error<DataError>(text, {.clean = true}), "no column 'clean'");
  EXPECT_SAYS(error<DataError>("nosiy\nn/a.png\n", {}), "did you mean 'nosiy'?");
}

TEST_F(Manifests, TakeTheLabelFromTheCleanPathToo) {
  std::filesystem::create_directories(folder_ / "x");
  write_file_atomically(folder_ / "x/1.png", {});
  EXPECT_EQ(read("noisy,clean\nx/1.png,c/ok/b.png\n", {.label = true}).entries[0].label, "ok");
  const std::string message = error<DataError>("noisy,clean\nx/1.png,c/a.png\n", {.label = true});
  EXPECT_SAYS(message, "line 2: no folder in the path");
  EXPECT_SAYS(message, "defect, ok, def_front, ok_front");
}

TEST_F(Manifests, NameTheRowOfAPictureThatIsNotThere) {
  const std::string one = error<IoError>(
      "noisy,clean\nn/ok_front/b.png,c/ok/b.png\nn/def_front/a.png,c/z.png\n", {.clean = true});
  EXPECT_SAYS(one, "m.csv, line 3: there is no clean picture");
  EXPECT_SAYS(one, "c/z.png");
  const std::string two = error<IoError>("noisy\nz1.png\nn/def_front/a.png\nz2.png\n", {});
  EXPECT_SAYS(two, "line 2: there is no noisy picture");
  EXPECT_SAYS(two, "2 of 3 rows");
}

TEST_F(Manifests, RefuseWhatDoesNotFit) {
  const std::string row = "n/def_front/a.png,", needed = "noisy,label\n";
  EXPECT_SAYS(error<DataError>(needed + row + "defekt\n", {.label = true}),
              "line 2: unknown label 'defekt'; did you mean 'defect'?; known: defect, ok");
  EXPECT_SAYS(error<DataError>(needed + row + "\n", {.label = true}), "line 2, column 'label' is empty");
  EXPECT_SAYS(error<DataError>("noisy,noise\n" + row + "poisson\n", {.noise = true}),
              "unknown type of noise 'poisson'");
  EXPECT_SAYS(error<DataError>(needed, {.label = true}), "has no rows below its header");
  EXPECT_SAYS(error<DataError>(needed + row + "ok\nn/ok_front/../def_front/a.png,ok\n", {.label = true}),
              "line 3 names the same noisy picture as line 2");
  ManifestOptions column;
  column.label_from = LabelFrom::column;
  EXPECT_SAYS(error<DataError>("noisy\nn/def_front/a.png\n", {.label = true}, column), "no column 'label'");
  EXPECT_THROW(parse_label_from("name"), ConfigError);
  EXPECT_EQ(parse_label_from("path"), LabelFrom::path);
}

TEST_F(Manifests, MaySayWhichPicturesValidate) {
  const std::string rows = "noisy,split\nn/def_front/a.png,val\nn/ok_front/b.png,train\n";
  const Manifest divided = read(rows, {});
  EXPECT_TRUE(divided.has_split());
  EXPECT_EQ(divided.entries[0].split, "val");
  EXPECT_EQ(divided.entries[1].split, "train");
  ManifestOptions other;
  other.columns.split = "another";
  EXPECT_FALSE(read(rows, {}, other).has_split());
  EXPECT_SAYS(error<DataError>("noisy,split\nn/def_front/a.png,test\n", {}),
              "column 'split' is 'test', expected train or val");
}

TEST_F(Manifests, ComeFromAWorkbookToo) {
  Table table{"", true, {"noisy", "noise"}, {}};
  table.add_row({"n/def_front/a.png", "gaussian"});
  table.add_row({"n/def_front/z.png", "gaussian"});
  write_table(folder_ / "m.xlsx", table);
  const std::string message =
      message_of<IoError>([&] { read_manifest(folder_ / "m.xlsx", {.noise = true}); });
  EXPECT_SAYS(message, "m.xlsx, sheet 'Sheet1', row 3: there is no noisy picture");
}

TEST(LabelOfPath, IsTheLastFolderThatSaysOne) {
  EXPECT_EQ(label_of_path("data/ok_front/defect/a.png"), "defect");
  EXPECT_EQ(label_of_path("data/x/ok.png"), "");  // a file is no folder
  EXPECT_EQ(label_of_path("ok"), "");
}

}  // namespace
}  // namespace primal
