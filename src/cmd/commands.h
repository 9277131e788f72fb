#pragma once

namespace coxswain::cmd {

/// Parts of the program; argv begins after the part's name. Each in a file of its own.
int down(int argc, char** argv);
int images(int argc, char** argv);
int hollowNodes(int argc, char** argv);
int cloudControllerManager(int argc, char** argv);
int clusterDns(int argc, char** argv);
int kubeApiserver(int argc, char** argv);
int kubeControllerManager(int argc, char** argv);
int kubeProxy(int argc, char** argv);
int kubeScheduler(int argc, char** argv);
int kubectl(int argc, char** argv);
int kubelet(int argc, char** argv);
int up(int argc, char** argv);

}  // namespace coxswain::cmd
