// What podio's RNTupleReader asks of a file (AIDASoft/podio, 2026): the same calls, with the classes of EDM4hep 0.99.

#include <ROOT/RNTupleReader.hxx>
#include <ROOT/RNTupleView.hxx>

#include <array>
#include <cstdint>
#include <iostream>
#include <string>
#include <tuple>
#include <vector>

namespace podio {
struct ObjectID {
  int index{-1};
  std::uint32_t collectionID{0};
};
namespace root_utils {
struct CollectionWriteInfo {
  std::uint32_t collectionID{0};
  std::string dataType{};
  bool isSubset{false};
  unsigned int schemaVersion{0};
  std::string name{};
  std::string storageType{};
};
}  // namespace root_utils
}  // namespace podio

namespace edm4hep {
struct Vector3f {
  float x{}, y{}, z{};
};
struct CovMatrix4f {
  std::array<float, 10> values{};
};
struct ReconstructedParticleData {
  std::int32_t PDG{};
  float energy{};
  Vector3f momentum{}, referencePoint{};
  float charge{}, mass{}, goodnessOfPID{};
  CovMatrix4f covMatrix{};
  unsigned int clusters_begin{}, clusters_end{}, tracks_begin{}, tracks_end{}, particles_begin{}, particles_end{};
};
}  // namespace edm4hep

template <class T>
std::size_t parameters(ROOT::RNTupleReader& events, unsigned entry, const std::string& kind) {
  auto keys = events.GetView<std::vector<std::string>>("GP" + kind + "Keys");
  auto values = events.GetView<std::vector<std::vector<T>>>("GP" + kind + "Values");
  return keys(entry).size() + values(entry).size();
}

/// One line a file, a collection, an event and a particle.
void show(const std::string& file) {
  auto metadata = ROOT::RNTupleReader::Open("podio_metadata", file);
  auto version = metadata->GetView<std::vector<std::uint16_t>>("PodioBuildVersion")(0);
  auto definitions = metadata->GetView<std::vector<std::tuple<std::string, std::string>>>("EDMDefinitions")(0);
  auto categories = metadata->GetView<std::vector<std::string>>("availableCategories")(0);
  auto table = metadata->GetView<std::vector<podio::root_utils::CollectionWriteInfo>>("events___CollectionTypeInfo")(0);
  std::cout << "podio " << version.at(0) << "." << version.at(1) << "." << version.at(2) << " " << definitions.size()
            << " " << categories.at(0) << "\n";
  auto events = ROOT::RNTupleReader::Open(categories.at(0), file);
  for (const auto& c : table) {
    std::cout << c.name << " " << c.collectionID << " " << c.dataType << " " << c.isSubset << " " << c.schemaVersion
              << " " << c.storageType << "\n";
    for (unsigned n = 0; n < events->GetNEntries(); ++n) {
      auto entry = events->GetModel().CreateEntry();
      std::vector<edm4hep::ReconstructedParticleData> particles;
      std::vector<podio::ObjectID> clusters, tracks, daughters, vertices;
      entry->BindRawPtr(c.name, &particles);
      entry->BindRawPtr("_" + c.name + "_clusters", &clusters);
      entry->BindRawPtr("_" + c.name + "_tracks", &tracks);
      entry->BindRawPtr("_" + c.name + "_particles", &daughters);
      entry->BindRawPtr("_" + c.name + "_decayVertex", &vertices);
      events->LoadEntry(n, *entry);
      const auto said = parameters<int>(*events, n, "Int") + parameters<float>(*events, n, "Float") +
                        parameters<double>(*events, n, "Double") + parameters<std::string>(*events, n, "String");
      std::cout << "event " << particles.size() << " " << daughters.size() << " " << vertices.size() << " " << said
                << "\n";
      for (const auto& p : particles) {
        std::cout << p.PDG << " " << p.energy << " " << p.momentum.x << " " << p.momentum.y << " " << p.momentum.z
                  << " " << p.charge << " " << p.mass << " " << p.covMatrix.values[9];
        for (auto i = p.tracks_begin; i < p.tracks_end; ++i)
          std::cout << " track " << tracks.at(i).index << " " << tracks.at(i).collectionID;
        for (auto i = p.clusters_begin; i < p.clusters_end; ++i)
          std::cout << " cluster " << clusters.at(i).index << " " << clusters.at(i).collectionID;
        std::cout << "\n";
      }
    }
  }
}
