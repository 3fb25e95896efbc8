// Who may know of an alert. The person it is about never does, and cannot
// find that it exists.
#pragma once

#include "collector/cases/routes.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

// `readers`: all accounts, to know who stands in when the alert is about one
// of them. What somebody asks for (`person_asks`) all of these four may see:
// safety lead, deputies, head, second senior. Trouble with a device goes to the
// IT provider and to those who look after pupils; names that a program made up
// (`odd_names`) to the IT provider alone, or to the head where there is no such
// account. Where the school's policy has
// routes, those whom it names are told of the rest and nobody else
// (ToldByPolicy). Where it has none:
//
// Pupils and devices: safety lead, deputies, head, second senior. Staff: the
// head only, with the second senior in their place when it is about the head.
// Device trouble also reaches the IT provider; governors and the data
// protection officer see no single alert.
bool MaySee(const v1::Alert& alert, const Account& viewer,
            const Readers& readers);

}  // namespace schoolgate::collector
