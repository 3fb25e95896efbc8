#include "platform/sim/memory_directory.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace schoolgate::platform {
namespace {

constexpr uint64_t kPlenty = 1ull << 50;

// A write, or a truncation when `truncate` is set.
struct Change {
  uint64_t offset = 0;
  std::string bytes;
  bool truncate = false;
};

struct Node {
  std::string content;          // as processes see it
  std::string durable;          // as the disk has it
  std::vector<Change> pending;  // between the two
  uint64_t reserved = 0;

  uint64_t allocated() const {
    return std::max<uint64_t>(content.size(), reserved);
  }
};

using Names = std::map<std::string, std::shared_ptr<Node>>;

// A creation (node), a removal (no node) or a rename (from).
struct NameChange {
  std::string name;
  std::shared_ptr<Node> node;
  std::string from;
};

void Apply(const Change& change, std::string& content) {
  if (change.truncate) {
    content.resize(change.offset);
    return;
  }
  const uint64_t end = change.offset + change.bytes.size();
  if (content.size() < end) content.resize(end, '\0');
  std::copy(change.bytes.begin(), change.bytes.end(),
            content.begin() + static_cast<ptrdiff_t>(change.offset));
}

void Apply(const NameChange& change, Names& names) {
  if (!change.from.empty()) {
    auto found = names.find(change.from);
    if (found == names.end()) return;
    names[change.name] = found->second;
    names.erase(change.from);
  } else if (change.node != nullptr) {
    names[change.name] = change.node;
  } else {
    names.erase(change.name);
  }
}

}  // namespace

struct MemoryDisk::World {
  Names names;
  Names durable_names;
  std::vector<NameChange> pending;
  Fault fault;
  uint64_t free_bytes = kPlenty;
  uint64_t free_inodes = kPlenty;
  uint64_t life = 0;  // counts power losses; handles of an older one are dead

  absl::Status Ask(DiskOperation operation, const std::string& name) const {
    return fault ? fault(operation, name) : absl::OkStatus();
  }

  // Takes the space that growing a node needs.
  absl::Status Claim(Node& node, uint64_t bytes) {
    const uint64_t more =
        bytes > node.allocated() ? bytes - node.allocated() : 0;
    if (more > free_bytes) {
      return absl::ResourceExhaustedError("memory disk: no space left");
    }
    free_bytes -= more;
    return absl::OkStatus();
  }

  void Rename(NameChange change) {
    Apply(change, names);
    pending.push_back(std::move(change));
  }
};

class MemoryFile : public File {
 public:
  MemoryFile(std::shared_ptr<MemoryDisk::World> world,
             std::shared_ptr<Node> node, std::string name)
      : world_(std::move(world)),
        node_(std::move(node)),
        name_(std::move(name)),
        life_(world_->life) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset,
                                std::span<char> into) override {
    absl::Status status = Ask(DiskOperation::kRead);
    if (!status.ok()) return status;
    if (offset >= node_->content.size()) return 0;
    const size_t count =
        std::min<uint64_t>(into.size(), node_->content.size() - offset);
    std::memcpy(into.data(), node_->content.data() + offset, count);
    return count;
  }

  absl::Status WriteAt(uint64_t offset, std::string_view bytes) override {
    absl::Status status = Ask(DiskOperation::kWrite);
    if (!status.ok()) bytes = bytes.substr(0, bytes.size() / 2);
    absl::Status claimed = world_->Claim(*node_, offset + bytes.size());
    if (!claimed.ok()) return claimed;
    Change change{offset, std::string(bytes), false};
    Apply(change, node_->content);
    node_->pending.push_back(std::move(change));
    return status;
  }

  absl::Status Reserve(uint64_t bytes) override {
    absl::Status status = Ask(DiskOperation::kReserve);
    if (status.ok()) status = world_->Claim(*node_, bytes);
    if (status.ok()) node_->reserved = std::max(node_->reserved, bytes);
    return status;
  }

  absl::Status Truncate(uint64_t bytes) override {
    absl::Status status = Ask(DiskOperation::kTruncate);
    if (!status.ok()) return status;
    const uint64_t before = node_->allocated();
    Change change{bytes, "", true};
    Apply(change, node_->content);
    node_->pending.push_back(std::move(change));
    node_->reserved = 0;
    world_->free_bytes += before - std::min(before, node_->allocated());
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    absl::Status status = Ask(DiskOperation::kSyncFile);
    if (!status.ok()) return status;
    node_->durable = node_->content;
    node_->pending.clear();
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() override { return node_->content.size(); }

 private:
  absl::Status Ask(DiskOperation operation) const {
    if (life_ != world_->life) {
      return absl::UnavailableError(name_ + ": opened before the power cut");
    }
    return world_->Ask(operation, name_);
  }

  std::shared_ptr<MemoryDisk::World> world_;
  std::shared_ptr<Node> node_;
  std::string name_;
  uint64_t life_;
};

class MemoryDirectory : public Directory {
 public:
  explicit MemoryDirectory(std::shared_ptr<MemoryDisk::World> world)
      : world_(std::move(world)) {}

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& name,
                                             OpenMode mode) override {
    const bool create =
        mode == OpenMode::kCreate || mode == OpenMode::kCreateShared;
    absl::Status status = world_->Ask(
        create ? DiskOperation::kCreate : DiskOperation::kOpen, name);
    if (!status.ok()) return status;
    auto found = world_->names.find(name);
    if (create) {
      if (found != world_->names.end()) {
        return absl::AlreadyExistsError(name + ": is there already");
      }
      if (world_->free_inodes == 0) {
        return absl::ResourceExhaustedError(name + ": no inodes left");
      }
      --world_->free_inodes;
      world_->Rename({name, std::make_shared<Node>(), ""});
      found = world_->names.find(name);
    } else if (found == world_->names.end()) {
      return absl::NotFoundError(name + ": not there");
    }
    return std::make_unique<MemoryFile>(world_, found->second, name);
  }

  absl::StatusOr<std::vector<std::string>> List() override {
    absl::Status status = world_->Ask(DiskOperation::kList, "");
    if (!status.ok()) return status;
    std::vector<std::string> names;
    for (const auto& [name, node] : world_->names) names.push_back(name);
    return names;
  }

  absl::Status Remove(const std::string& name) override {
    absl::Status status = world_->Ask(DiskOperation::kRemove, name);
    if (!status.ok()) return status;
    auto found = world_->names.find(name);
    if (found == world_->names.end()) {
      return absl::NotFoundError(name + ": not there");
    }
    Free(*found->second);
    world_->Rename({name, nullptr, ""});
    return absl::OkStatus();
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    absl::Status status = world_->Ask(DiskOperation::kRename, from);
    if (!status.ok()) return status;
    if (!world_->names.contains(from)) {
      return absl::NotFoundError(from + ": not there");
    }
    if (auto old = world_->names.find(to); old != world_->names.end()) {
      Free(*old->second);
    }
    world_->Rename({to, nullptr, from});
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    absl::Status status = world_->Ask(DiskOperation::kSyncFolder, "");
    if (!status.ok()) return status;
    world_->durable_names = world_->names;
    world_->pending.clear();
    return absl::OkStatus();
  }

 private:
  void Free(const Node& node) {
    world_->free_bytes += node.allocated();
    ++world_->free_inodes;
  }

  std::shared_ptr<MemoryDisk::World> world_;
};

MemoryDisk::MemoryDisk() : world_(std::make_shared<World>()) {}
MemoryDisk::~MemoryDisk() = default;

std::unique_ptr<Directory> MemoryDisk::OpenRoot() {
  return std::make_unique<MemoryDirectory>(world_);
}

void MemoryDisk::SetFault(Fault fault) { world_->fault = std::move(fault); }
void MemoryDisk::SetFreeBytes(uint64_t bytes) { world_->free_bytes = bytes; }
void MemoryDisk::SetFreeInodes(uint64_t count) { world_->free_inodes = count; }
uint64_t MemoryDisk::free_bytes() const { return world_->free_bytes; }

void MemoryDisk::LosePower(std::mt19937_64& random) {
  ++world_->life;
  const size_t kept = random() % (world_->pending.size() + 1);
  for (size_t i = 0; i < kept; ++i) {
    Apply(world_->pending[i], world_->durable_names);
  }
  world_->pending.clear();
  world_->names = world_->durable_names;
  for (auto& [name, node] : world_->names) {
    std::shuffle(node->pending.begin(), node->pending.end(), random);
    for (Change& change : node->pending) {
      const uint64_t fate = random() % 3;  // lost, torn, whole
      if (fate == 0) continue;
      if (fate == 1 && !change.truncate) {
        change.bytes.resize(random() % (change.bytes.size() + 1));
      }
      Apply(change, node->durable);
    }
    node->pending.clear();
    node->content = node->durable;
    node->reserved = 0;
  }
}

bool MemoryDisk::FlipBit(const std::string& name, uint64_t bit) {
  auto found = world_->names.find(name);
  if (found == world_->names.end() || found->second->content.empty()) {
    return false;
  }
  std::string& content = found->second->content;
  bit %= content.size() * 8;
  content[bit / 8] = static_cast<char>(content[bit / 8] ^ (1 << (bit % 8)));
  found->second->durable = content;
  return true;
}

}  // namespace schoolgate::platform
