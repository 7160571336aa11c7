// Which program the addon's functions of Node-API come from: see node_imports.cmake.
#include <windows.h>
// delayimp.h needs the types of windows.h.
#include <delayimp.h>

#include <cstring>

namespace {

FARPROC WINAPI look_in_this_program(unsigned notice, DelayLoadInfo* info) {
  if (notice != dliNotePreLoadLibrary || _stricmp(info->szDll, "node.exe") != 0) return nullptr;
  return reinterpret_cast<FARPROC>(GetModuleHandleW(nullptr));
}

}  // namespace

extern "C" {
PfnDliHook __pfnDliNotifyHook2 = look_in_this_program;
}
