touch ~/x
