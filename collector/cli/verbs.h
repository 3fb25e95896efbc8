// The verbs of schoolgate-collector. Each function adds one subcommand; when
// it is chosen, its callback does the work and puts the exit code in
// *exit_code.
#pragma once

#include <CLI/CLI.hpp>

namespace schoolgate::collector {

void AddSetup(CLI::App& app, int* exit_code);
void AddServe(CLI::App& app, int* exit_code);
void AddEnrolToken(CLI::App& app, int* exit_code);
void AddAuthority(CLI::App& app, int* exit_code);
void AddRemovalToken(CLI::App& app, int* exit_code);
void AddDevices(CLI::App& app, int* exit_code);
void AddAssign(CLI::App& app, int* exit_code);
void AddAlerts(CLI::App& app, int* exit_code);
void AddCases(CLI::App& app, int* exit_code);
void AddPublish(CLI::App& app, int* exit_code);
void AddRules(CLI::App& app, int* exit_code);
void AddFeedCertificate(CLI::App& app, int* exit_code);
void AddSealedFiles(CLI::App& app, int* exit_code);
void AddReport(CLI::App& app, int* exit_code);
void AddAudit(CLI::App& app, int* exit_code);
void AddFeeds(CLI::App& app, int* exit_code);
void AddFeedToken(CLI::App& app, int* exit_code);
void AddSecondFactor(CLI::App& app, int* exit_code);
void AddIdentity(CLI::App& app, int* exit_code);
void AddVerify(CLI::App& app, int* exit_code);
void AddDoctor(CLI::App& app, int* exit_code);
void AddTrace(CLI::App& app, int* exit_code);
void AddBackup(CLI::App& app, int* exit_code);
void AddRestore(CLI::App& app, int* exit_code);
void AddSimulate(CLI::App& app, int* exit_code);

}  // namespace schoolgate::collector
