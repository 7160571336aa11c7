{
  "targets": [
    {
      "target_name": "deepyeast",
      "type": "none",
      "actions": [
        {
          "action_name": "build with cmake-js",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["<(module_root_dir)/build/Release/deepyeast.node"],
          "action": ["node", "<(module_root_dir)/native/install.js", "--build"]
        }
      ]
    }
  ]
}
