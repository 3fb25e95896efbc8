// What agent and keeper have to call by the same name.
#pragma once

namespace schoolgate::agent {

// The agent's sockets, while they are kept.
inline constexpr char kQueueName[] = "schoolgate-queue";
inline constexpr char kTableName[] = "schoolgate-table";
inline constexpr char kLogName[] = "schoolgate-log";

// An environment variable: tells a run how the one before it ended: "killed",
// "crashed", "hung", "gave-up".
inline constexpr char kLastEndVariable[] = "SCHOOLGATE_LAST_END";

// A file under the state directory: why the network was opened, for the next
// run to report.
inline constexpr char kOpenedMark[] = "network-opened";

}  // namespace schoolgate::agent
